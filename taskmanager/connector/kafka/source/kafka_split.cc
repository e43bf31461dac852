#include "taskmanager/connector/kafka/source/kafka_split.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/bytes.h"

namespace weir::taskmanager::kafka {

checkpoint::SourceSplits::Split EncodeSplit(const KafkaSplit& split) {
  checkpoint::SourceSplits::Split encoded;
  ByteWriter writer(&encoded.payload);
  writer.Put<uint8_t>(KafkaSplit::kVersion);
  writer.PutBytes(split.topic);
  writer.PutBytes(split.topic_id);
  writer.Put<int32_t>(split.partition);
  writer.Put<int64_t>(split.start);
  writer.Put<int64_t>(split.stop);
  encoded.group = absl::StrCat(split.topic, "/", split.partition);
  return encoded;
}

absl::StatusOr<KafkaSplit> DecodeSplit(const std::string& payload) {
  ByteReader reader(payload);
  const auto version = reader.Get<uint8_t>();
  if (reader.ok() && version > KafkaSplit::kVersion) {
    return absl::DataLossError(absl::StrCat("the partition list is of version ", static_cast<int>(version),
                                            ", this build reads up to ", static_cast<int>(KafkaSplit::kVersion)));
  }
  KafkaSplit split;
  split.topic = std::string(reader.GetBytes());
  split.topic_id = std::string(reader.GetBytes());
  split.partition = reader.Get<int32_t>();
  split.start = reader.Get<int64_t>();
  split.stop = reader.Get<int64_t>();
  if (!reader.AtEnd() || version == 0 || split.topic.empty() || split.partition < 0 || split.start < 0 ||
      split.stop < KafkaSplit::kNoStop) {
    return absl::DataLossError("the checkpoint's partition list is damaged");
  }
  return split;
}

std::string EncodePosition(int64_t offset) { return absl::StrCat(offset); }

absl::StatusOr<int64_t> DecodePosition(const std::string& position, const KafkaSplit& split) {
  int64_t offset = 0;
  if (absl::SimpleAtoi(position, &offset) && offset >= 0) return offset;
  return absl::DataLossError(
      absl::StrCat("`", position, "` is no position in topic ", split.topic, " [", split.partition, "]"));
}

std::string Origin(const KafkaSplit& split, int64_t offset) {
  return absl::StrCat(split.topic, "-", split.partition, "@", offset);
}

}  // namespace weir::taskmanager::kafka
