// What connectors keep in checkpoints: handles of transactions, splits, positions.
#include <string>

#include "taskmanager/connector/file/file_sink.h"
#include "taskmanager/connector/file/file_split.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "tests/fuzz/fuzz_target.h"

WEIR_FUZZ_TARGET(handle, input) {
  using namespace weir;
  const std::string bytes(input);
  if (const auto handle = taskmanager::file::DecodeHandle(bytes); handle.ok()) {
    fuzz::Expect(handle->hidden.find('/') == std::string::npos && handle->visible.find('/') == std::string::npos,
                 "a file's name leads out of no folder");
    const auto again = taskmanager::file::DecodeHandle(taskmanager::file::EncodeHandle(*handle));
    fuzz::Expect(again.ok() && *again == *handle, "a file's handle is the same after writing");
  }
  if (const auto split = taskmanager::file::DecodeSplit(bytes); split.ok()) {
    const auto again = taskmanager::file::DecodeSplit(taskmanager::file::EncodeSplit(*split));
    fuzz::Expect(again.ok() && *again == *split, "a file's split is the same after writing");
  }
  if (const auto handle = taskmanager::kafka::DecodeHandle(bytes); handle.ok()) {
    const auto again = taskmanager::kafka::DecodeHandle(taskmanager::kafka::EncodeHandle(*handle));
    fuzz::Expect(again.ok() && *again == *handle, "a transaction's handle is the same after writing");
    (void)taskmanager::kafka::DecodeRecords(handle->wal);
  }
  (void)taskmanager::kafka::DecodeRecords(bytes);
  if (const auto split = taskmanager::kafka::DecodeSplit(bytes); split.ok())
    (void)taskmanager::kafka::DecodePosition("5", *split);
  (void)taskmanager::kafka::DecodePosition(bytes, {});
}
