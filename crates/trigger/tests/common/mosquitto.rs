//! mosquitto, Debian's MQTT broker.
