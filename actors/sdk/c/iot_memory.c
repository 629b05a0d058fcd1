// What a compiler expects of every environment, also of one without a library: for structures that are copied whole.
#include "iot_bytes.h"

void *memcpy(void *to, const void *from, __SIZE_TYPE__ len) {
  iot_copy(to, from, (uint32_t)len);
  return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ len) {
  for (uint8_t *at = to; len-- > 0; at++) *at = (uint8_t)value;
  return to;
}
