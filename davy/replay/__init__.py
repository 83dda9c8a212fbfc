"""`davy replay`: a history played through MQTT as devices would have sent it."""
