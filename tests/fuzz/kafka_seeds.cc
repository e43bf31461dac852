#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "taskmanager/connector/kafka/protocol/messages.h"
#include "taskmanager/connector/kafka/source/kafka_split.h"
#include "taskmanager/connector/kafka/transaction/handle.h"
#include "tests/fuzz/fuzz_seeds.h"
#include "tests/unit/kafka/protocol/batch_writer.h"
#include "tests/unit/kafka/protocol/response_samples.h"

namespace weir::fuzz {
namespace {

using namespace taskmanager::kafka::protocol;

// In the order of targets/kafka_answer.cc.
const std::vector<Api>& Apis() {
  static const auto* const apis = new std::vector<Api>{
      ApiVersionsRequest::kApi,          SaslHandshakeRequest::kApi,    SaslAuthenticateRequest::kApi,
      MetadataRequest::kApi,             FindCoordinatorRequest::kApi,  InitProducerIdRequest::kApi,
      DescribeTransactionsRequest::kApi, ListTransactionsRequest::kApi, EndTxnRequest::kApi,
      OffsetFetchRequest::kApi,          ListOffsetsRequest::kApi,      FetchRequest::kApi};
  return *apis;
}

void Answers() {
  for (const ResponseSample& sample : AllResponseSamples()) {
    const size_t space = sample.name.find(" v");
    int version = 0;
    if (space == std::string::npos || !absl::SimpleAtoi(sample.name.substr(space + 2), &version)) continue;
    const auto api = std::find_if(Apis().begin(), Apis().end(),
                                  [&](const Api& one) { return sample.name.substr(0, space) == one.name; });
    if (api == Apis().end()) continue;
    Put("kafka_answer", absl::StrCat(api->name, "-", version),
        std::string{static_cast<char>(api - Apis().begin()), static_cast<char>(version - api->oldest)} + sample.answer);
  }
}

void Batches() {
  std::vector<taskmanager::kafka::KafkaRecord> records;
  for (int i = 0; i < 5; ++i) records.push_back(Record(100 + i, "key", "value " + std::to_string(i)));
  records[3].headers = {{"name", "value"}, {"name", ""}};
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                        Compression::kZstd}) {
    Put("kafka_records", absl::StrCat("compression-", static_cast<int>(compression)),
        WriteBatch(records, {.compression = compression}));
  }
  Put("kafka_records", "xerial", WriteBatch(records, {.compression = Compression::kSnappy, .xerial = true}));
  Put("kafka_records", "control", WriteBatch(records, {.control = true}));
  Put("kafka_records", "two", WriteBatch(records) + WriteBatch(records, {.base_offset = 100}));
}

}  // namespace

void PutKafkaSeeds() {
  Answers();
  Batches();
  taskmanager::kafka::KafkaHandle handle;
  handle.checkpoint = CheckpointId(4);
  handle.topic = "out";
  handle.records = 3;
  handle.runs = {{}, {}};
  handle.wal = "records";
  Put("handle", "kafka-handle", taskmanager::kafka::EncodeHandle(handle));
  Put("handle", "kafka-split", taskmanager::kafka::EncodeSplit({"in", std::string(16, 'i'), 2, 5, 100}).payload);
  Put("handle", "position", taskmanager::kafka::EncodePosition(17));
}

}  // namespace weir::fuzz
