// Passes messages on: what comes in on home/cmd/relay goes out on home/relay/state, with the QoS it came with.
#include "iot_actor.h"

static bool on_start(iot_bytes payload) {
  iot_start start;
  if (!iot_read_start(payload, &start)) return false;
  return iot_mqtt_subscribe(IOT_TEXT("home/cmd/relay"), 1) || iot_fail_host(IOT_TEXT("iot:mqtt Subscribe"));
}

static bool on_message(iot_bytes payload) {
  iot_message message;
  if (!iot_read_message(payload, &message)) return false;
  return iot_mqtt_publish(IOT_TEXT("home/relay/state"), message.payload, message.qos, false)
      || iot_fail_host(IOT_TEXT("iot:mqtt Publish"));
}

IOT_OPERATIONS(IOT_ON("Message", on_message), IOT_ON("Start", on_start))
