#include "iot_actor.h"

void iot_settings_load(iot_apply apply) {
  iot_bytes text;
  bool exists;
  if (!iot_keyvalue_get(IOT_TEXT("settings"), &text, &exists) || !exists) return;
  if (apply(text)) iot_log(IOT_TEXT("the settings that were kept are not acceptable any more: defaults are used"));
}

bool iot_settings_take(iot_bytes text, iot_apply apply) {
  const char *wrong = apply(text);
  if (!wrong) return true;
  iot_reader problem = iot_reader_on(IOT_EMPTY);
  iot_reject(&problem, wrong);
  return iot_fail_payload(IOT_TEXT("settings: the text"), &problem);
}

void iot_settings_keep(iot_bytes text) {
  if (!iot_keyvalue_set(IOT_TEXT("settings"), text, 0)) iot_log(IOT_TEXT("the settings hold until the next start: they could not be kept"));
}
