import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.sql.EvaluationException;
import io.cloudevents.sql.EvaluationRuntime;
import io.cloudevents.sql.Expression;
import io.cloudevents.sql.Parser;
import io.cloudevents.sql.Type;
import io.cloudevents.sql.impl.ExceptionFactoryImpl;
import io.cloudevents.sql.impl.runtime.EvaluationContextImpl;
import io.cloudevents.sql.impl.runtime.EvaluationResult;
import io.cloudevents.sql.impl.runtime.TypeCastingProvider;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import org.antlr.v4.runtime.misc.Interval;

/** Answers one case a line as the Kafka data plane would: the value is cast to a Boolean, errors on the way are not asked for. */
public class Oracle {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper json = new ObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode asked = json.readTree(line);
      ObjectNode answer = json.createObjectNode();
      try {
        Expression expression = Parser.parseDefault(asked.get("expression").asText());
        answer.put("passes", passes(expression, asked.get("expression").asText(), event(asked.get("event"))));
      } catch (RuntimeException refused) {
        answer.put("refused", refused.getClass().getSimpleName());
      }
      out.println(json.writeValueAsString(answer));
    }
  }

  private static boolean passes(Expression expression, String text, CloudEvent event) {
    Object value = expression.evaluate(EvaluationRuntime.getDefault(), event).value();
    EvaluationContextImpl context =
        new EvaluationContextImpl(new Interval(0, text.length()), text, new ExceptionFactoryImpl(true));
    try {
      return (Boolean) TypeCastingProvider.cast(context, new EvaluationResult(value), Type.BOOLEAN).value();
    } catch (EvaluationException error) {
      return false;
    }
  }

  private static CloudEvent event(JsonNode attributes) {
    CloudEventBuilder event = CloudEventBuilder.v1();
    attributes.fields().forEachRemaining(entry -> {
      JsonNode value = entry.getValue();
      switch (entry.getKey()) {
        case "specversion" -> { }
        case "id" -> event.withId(value.asText());
        case "source" -> event.withSource(URI.create(value.asText()));
        case "type" -> event.withType(value.asText());
        case "subject" -> event.withSubject(value.asText());
        case "time" -> event.withTime(OffsetDateTime.parse(value.asText()));
        case "datacontenttype" -> event.withDataContentType(value.asText());
        case "dataschema" -> event.withDataSchema(URI.create(value.asText()));
        default -> {
          if (value.isBoolean()) {
            event.withExtension(entry.getKey(), value.asBoolean());
          } else if (value.isNumber()) {
            event.withExtension(entry.getKey(), (Number) value.asInt());
          } else {
            event.withExtension(entry.getKey(), value.asText());
          }
        }
      }
    });
    return event.build();
  }
}
