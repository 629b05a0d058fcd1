// Write drives the line GPIO17 as many times as its payload has bytes; an edge of GPIO22 is passed on to GPIO17.
#include "iot_actor.h"

#define OUTPUT IOT_TEXT("GPIO17")

static bool on_start(iot_bytes payload) {
  (void)payload;
  return iot_gpio_watch(IOT_TEXT("GPIO22"), IOT_TEXT("both"), 0) || iot_fail_host(IOT_TEXT("watch"));
}

static bool on_edge(iot_bytes payload) {
  iot_edge edge;
  if (!iot_read_edge(payload, &edge)) return false;
  return iot_gpio_write(OUTPUT, edge.edge.len == 6) || iot_fail_host(IOT_TEXT("write"));
}

static bool on_write(iot_bytes payload) {
  for (uint32_t n = 0; n < payload.len; n++)
    if (!iot_gpio_write(OUTPUT, n & 1)) return iot_fail_host(IOT_TEXT("write"));
  return true;
}

IOT_OPERATIONS(IOT_ON("Start", on_start), IOT_ON("Edge", on_edge), IOT_ON("Write", on_write))
