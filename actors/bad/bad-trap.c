// Starts well, answers health checks, then traps on the first thing it is asked to handle.
#include "iot_actor.h"

static bool on_start(iot_bytes payload) {
  (void)payload;
  // Asks for what blink and counter ask for, so that something soon arrives under either name. A refusal is expected.
  iot_timer_every(IOT_TEXT("blink"), 100);
  iot_mqtt_subscribe(IOT_TEXT("home/cmd/count"), 1);
  return true;
}

static bool on_work(iot_bytes payload) {
  (void)payload;
  __builtin_trap();
}

IOT_OPERATIONS(IOT_ON("Start", on_start), IOT_ON("Tick", on_work), IOT_ON("Message", on_work))
