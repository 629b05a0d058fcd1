// Echo answers with its payload; Relay asks the host the same and answers with what that says.
#include "iot_actor.h"

static bool on_echo(iot_bytes payload) { return iot_reply(payload); }

static bool on_relay(iot_bytes payload) {
  iot_writer request = iot_host_request();
  iot_put(&request, payload);
  iot_bytes answer;
  if (!iot_host_call(IOT_TEXT("default"), IOT_TEXT("test:echo"), IOT_TEXT("Echo"), &request) || !iot_host_reply(&answer))
    return iot_fail_host(IOT_TEXT("test:echo Echo"));
  return iot_reply(answer);
}

IOT_OPERATIONS(IOT_ON("Echo", on_echo), IOT_ON("Relay", on_relay))
