"""servicenow_event: one alert of Event Management for each episode."""
