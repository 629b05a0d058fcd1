// Loads and initialises well, then traps on its first Start.
#include "iot_actor.h"

static bool on_start(iot_bytes payload) {
  (void)payload;
  __builtin_trap();
}

IOT_OPERATIONS(IOT_ON("Start", on_start))
