// Settings as one text ("setpoint=21.5 hysteresis=0.5"): they come by MQTT and are kept in wascc:keyvalue, so that the
// actor has them after a restart, too, whether the broker is there or not.
#ifndef IOT_SETTINGS_H
#define IOT_SETTINGS_H

#include "iot_bytes.h"

/// Takes all of the text or nothing: null, or what is wrong with it.
typedef const char *(*iot_apply)(iot_bytes text);

/// Applies what is kept. Nothing kept, or no store bound: the actor's defaults stay as they are.
void iot_settings_load(iot_apply apply);
/// Applies a text that has come. False: the call has been answered with an error, and nothing has changed.
bool iot_settings_take(iot_bytes text, iot_apply apply);
/// Keeps a text for the next start; says so in the log when it cannot.
void iot_settings_keep(iot_bytes text);

#endif
