// The contracts this host knows, as functions. Calls return false when the host refused: `iot_fail_host` then
// passes its reason on. Readers of incoming messages answer the call with an error themselves when they return false.
#ifndef IOT_CONTRACTS_H
#define IOT_CONTRACTS_H

#include "iot_bytes.h"

/// Items that are still to be read.
typedef struct {
  iot_reader reader;
  uint32_t left;
} iot_list;

// Sent once after this module became the active one. Timers, subscriptions and watches are registered here:
// start functions run beside the old module and may not call the host. Registering an id again replaces it.
typedef struct {
  iot_bytes reason;  // start, swap, restart or revert
} iot_start;
bool iot_read_start(iot_bytes payload, iot_start *start);

// iot:gpio. Lines have the names of the board or the configuration ("LED", "GPIO17").
bool iot_gpio_read(iot_bytes line, bool *value);
bool iot_gpio_write(iot_bytes line, bool value);
bool iot_gpio_toggle(iot_bytes line, bool *value);
/// `edge` is rising, falling or both.
bool iot_gpio_watch(iot_bytes line, iot_bytes edge, uint32_t debounce_us);
typedef struct {
  iot_bytes line, edge;
  int64_t timestamp_ns, seq;
} iot_edge;
bool iot_read_edge(iot_bytes payload, iot_edge *edge);
/// The lines that the binding grants: `while (iot_next_line(&lines, &line)) …`, up to the next host call.
bool iot_gpio_lines(iot_list *lines);
typedef struct {
  iot_bytes name;
  bool output, value;
} iot_line;
bool iot_next_line(iot_list *lines, iot_line *line);

// iot:serial. Ports have the names of the board or the provider's settings; frames are cut as the binding says.
bool iot_serial_write(iot_bytes port, iot_bytes data);
/// Returns when all that was written has left the port.
bool iot_serial_drain(iot_bytes port);
/// The ports that the binding grants, as with lines.
bool iot_serial_ports(iot_list *ports);
typedef struct {
  iot_bytes name;
  bool open;
} iot_port;
bool iot_next_port(iot_list *ports, iot_port *port);
typedef struct {
  iot_bytes port, data;
  int64_t at;  // Unix milliseconds
} iot_data;
bool iot_read_data(iot_bytes payload, iot_data *data);
typedef struct {
  iot_bytes port, reason;  // Opened has no reason
} iot_port_event;
bool iot_read_opened(iot_bytes payload, iot_port_event *event);
bool iot_read_closed(iot_bytes payload, iot_port_event *event);

// iot:ble. UUIDs are told in lower case without dashes, and short where they can be ("feaa").
/// Listens until it is told to stop; `duplicates`: to each advertisement of a peripheral, not the first one only.
bool iot_ble_scan(bool duplicates);
bool iot_ble_stop_scan(void);
typedef struct {
  iot_bytes id, address, name, manufacturer_data;
  iot_list service_data;
  int32_t rssi;  // dBm
} iot_advertisement;
bool iot_read_advertisement(iot_bytes payload, iot_advertisement *advertisement);
/// `while (iot_next_service_data(&advertisement.service_data, &uuid, &data)) …`
bool iot_next_service_data(iot_list *list, iot_bytes *uuid, iot_bytes *data);

// iot:timer. Milliseconds; an id is the actor's own word for one timer.
bool iot_timer_every(iot_bytes id, uint32_t ms);
bool iot_timer_after(iot_bytes id, uint32_t ms);
bool iot_timer_cancel(iot_bytes id);
typedef struct {
  int64_t unix_ms, monotonic_ns;
  bool trusted;
} iot_now;
bool iot_timer_now(iot_now *now);
typedef struct {
  iot_bytes id;
  double due_at, at;
} iot_tick;
bool iot_read_tick(iot_bytes payload, iot_tick *tick);

// iot:mqtt.
bool iot_mqtt_publish(iot_bytes topic, iot_bytes payload, uint32_t qos, bool retain);
bool iot_mqtt_subscribe(iot_bytes filter, uint32_t qos);
typedef struct {
  iot_bytes topic, payload;
  uint32_t qos;
  bool retain;
} iot_message;
bool iot_read_message(iot_bytes payload, iot_message *message);

// wascc:keyvalue. Values are text; a missing key reads as empty with `exists` false.
bool iot_keyvalue_add(iot_bytes key, int32_t by, int32_t *value);
bool iot_keyvalue_get(iot_bytes key, iot_bytes *value, bool *exists);
/// `expires` in seconds, 0 for never.
bool iot_keyvalue_set(iot_bytes key, iot_bytes value, int32_t expires);

// wascc:logging.
enum { IOT_LOG_ERROR = 1, IOT_LOG_WARN, IOT_LOG_INFO, IOT_LOG_DEBUG, IOT_LOG_TRACE };
bool iot_logging_write(uint32_t level, iot_bytes text);

#endif
