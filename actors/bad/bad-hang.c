// Loads and initialises well, then never comes back from Start.
#include "iot_actor.h"

static volatile uint32_t turns;

static bool on_start(iot_bytes payload) {
  (void)payload;
  for (;;) turns++;
}

IOT_OPERATIONS(IOT_ON("Start", on_start))
