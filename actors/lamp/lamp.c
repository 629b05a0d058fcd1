#include "iot_actor.h"

static bool on_start(iot_bytes payload) {
  (void)payload;
  return iot_gpio_watch(IOT_TEXT("BUTTON"), IOT_TEXT("rising"), 5000) || iot_fail_host(IOT_TEXT("watch"));
}

static bool on_edge(iot_bytes payload) {
  iot_edge edge;
  bool lit;
  if (!iot_read_edge(payload, &edge)) return false;  // it has answered with an error already
  if (!iot_gpio_toggle(IOT_TEXT("LED"), &lit)) return iot_fail_host(IOT_TEXT("toggle"));
  return iot_mqtt_publish(IOT_TEXT("home/lamp/state"), lit ? IOT_TEXT("on") : IOT_TEXT("off"), 0, false)
      || iot_fail_host(IOT_TEXT("publish"));
}

IOT_OPERATIONS(IOT_ON("Start", on_start), IOT_ON("Edge", on_edge))
