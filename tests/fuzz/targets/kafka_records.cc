// Record batches as a broker sends them, with compression.
#include <string>

#include "common/base/crc32c.h"
#include "taskmanager/connector/kafka/protocol/record_batch.h"
#include "tests/fuzz/fuzz_target.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

void ReadAll(std::string_view log) {
  constexpr size_t kMost = size_t{1} << 20;
  while (true) {
    const size_t before = log.size();
    const auto batch = NextBatch(&log);
    if (!batch.ok() || !batch->has_value()) return;
    fuzz::Expect(log.size() < before, "a batch takes bytes");
    if ((*batch)->format < 2 || (*batch)->control) continue;
    size_t bytes = 0;
    (void)ForEachRecord(**batch, 0, kMost, [&](KafkaRecord record) {
      fuzz::Expect(record.offset >= (*batch)->base_offset && record.offset <= (*batch)->last_offset,
                   "a record lies in its batch");
      bytes += record.key.size() + record.value.size();
      return absl::OkStatus();
    });
    fuzz::Expect(bytes <= kMost, "a batch unfolds to no more than was allowed");
  }
}

}  // namespace
}  // namespace weir::taskmanager::kafka::protocol

WEIR_FUZZ_TARGET(kafka_records, input) {
  using namespace weir;
  taskmanager::kafka::protocol::ReadAll(input);
  // The same as one batch of format 2 with the right length and checksum.
  std::string bytes(input);
  if (bytes.size() < 61) return;
  const auto big_endian = [&](size_t at, uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  bytes[0] = 0;  // no offset below 0
  bytes[16] = 2;
  big_endian(8, static_cast<uint32_t>(bytes.size() - 12));
  big_endian(17, Crc32c(std::string_view(bytes).substr(21)));
  taskmanager::kafka::protocol::ReadAll(bytes);
}
