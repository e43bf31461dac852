#include "taskmanager/connector/kafka/transaction/producer_port.h"

namespace weir::taskmanager::kafka {

KafkaRecord CopyOf(const OutgoingRecord& record, int64_t timestamp_ms) {
  KafkaRecord copy;
  copy.partition = record.partition;
  copy.timestamp_ms = timestamp_ms;
  copy.has_key = record.has_key;
  copy.has_value = record.has_value;
  copy.key = record.key;
  copy.value = record.value;
  return copy;
}

}  // namespace weir::taskmanager::kafka
