// Never comes back from its start function.
#include "iot_actor.h"

static volatile uint32_t turns;

__attribute__((export_name("wapc_init"))) void start(void) {
  for (;;) turns++;
}

static bool on_start(iot_bytes payload) {
  (void)payload;
  return true;
}

IOT_OPERATIONS(IOT_ON("Start", on_start))
