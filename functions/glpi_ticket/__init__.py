"""glpi_ticket: one GLPI ticket for each episode."""
