"""What changed in an object, and which of its conditions began or ended. Pure: nothing is read, nothing kept."""
