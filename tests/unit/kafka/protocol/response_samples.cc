#include "tests/unit/kafka/protocol/response_samples.h"

#include "taskmanager/connector/kafka/protocol/frame.h"
#include "taskmanager/connector/kafka/protocol/messages.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

class Collector {
 public:
  template <typename Request>
  void Add(const std::function<void(WireWriter&, int16_t version)>& body, int16_t from = Request::kApi.oldest) {
    for (int16_t version = from; version <= Request::kApi.newest; ++version) {
      std::string answer;
      WireWriter(&answer, false).Put(int32_t{7});
      WireWriter out(&answer, Request::kApi.IsFlexible(version));
      if (Request::kApi.key != ApiVersionsRequest::kApi.key) out.EndStruct();
      body(out, version);
      samples_.push_back({std::string(Request::kApi.name) + " v" + std::to_string(version), answer,
                          [version](std::string_view bytes) {
                            return DecodeResponse<Request>(version, 7, bytes).status();
                          }});
    }
  }
  std::vector<ResponseSample> Take() { return std::move(samples_); }

 private:
  std::vector<ResponseSample> samples_;
};

void Ints(WireWriter& out, int count) {
  out.PutArraySize(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) out.Put(i);
}

void ApiVersions(WireWriter& out, int16_t version) {
  out.Put(int16_t{0});
  out.PutArraySize(2);
  for (const int16_t key : {int16_t{26}, int16_t{65}}) {
    out.Put(key);
    out.Put(int16_t{0});
    out.Put(int16_t{5});
    out.EndStruct();
  }
  if (version >= 1) out.Put(int32_t{0});
  if (!out.flexible()) return;
  std::string features;
  WireWriter inner(&features, true);
  inner.PutArraySize(1);
  inner.PutString("transaction.version");
  inner.Put(int16_t{2});
  inner.Put(int16_t{0});
  inner.EndStruct();
  out.PutUvarint(2);  // tagged fields
  out.PutUvarint(1);
  out.PutUvarint(8);
  out.Put(int64_t{42});
  out.PutUvarint(2);
  out.PutUvarint(static_cast<uint32_t>(features.size()));
  out.PutRaw(features);
}

void Metadata(WireWriter& out, int16_t version) {
  out.Put(int32_t{0});
  out.PutArraySize(2);
  for (int32_t node = 1; node <= 2; ++node) {
    out.Put(node);
    out.PutString("broker");
    out.Put(int32_t{9091} + node);
    node == 1 ? out.PutNullString() : out.PutString("rack");
    out.EndStruct();
  }
  out.PutString("cluster");
  out.Put(int32_t{1});
  out.PutArraySize(1);
  out.Put(int16_t{0});
  out.PutString("t");
  if (version >= 10) out.PutRaw("0123456789abcdef");
  out.PutBool(false);
  out.PutArraySize(1);
  out.Put(int16_t{0});
  out.Put(int32_t{5});
  out.Put(int32_t{2});
  if (version >= 7) out.Put(int32_t{11});
  Ints(out, 2);
  Ints(out, 1);
  if (version >= 5) Ints(out, 0);
  out.EndStruct();
  if (version >= 8) out.Put(int32_t{0});
  out.EndStruct();
  if (version >= 8 && version <= 10) out.Put(int32_t{0});
  out.EndStruct();
}

void FindCoordinator(WireWriter& out, int16_t version) {
  out.Put(int32_t{0});
  if (version < 4) {
    out.Put(int16_t{0});
    out.PutNullString();
    out.Put(int32_t{1});
    out.PutString("broker");
    out.Put(int32_t{9092});
  } else {
    out.PutArraySize(1);
    out.PutString("x/0");
    out.Put(int32_t{1});
    out.PutString("broker");
    out.Put(int32_t{9092});
    out.Put(int16_t{0});
    out.PutString("");
    out.EndStruct();
  }
  out.EndStruct();
}

void DescribeTransactions(WireWriter& out, int16_t) {
  out.Put(int32_t{0});
  out.PutArraySize(1);
  out.Put(int16_t{0});
  out.PutString("x/0");
  out.PutString("Ongoing");
  out.Put(int32_t{60'000});
  out.Put(int64_t{1'700'000'000'000});
  out.Put(int64_t{4001});
  out.Put(int16_t{3});
  out.PutArraySize(1);
  out.PutString("t");
  Ints(out, 3);
  out.EndStruct();
  out.EndStruct();
  out.EndStruct();
}

void ListTransactions(WireWriter& out, int16_t) {
  out.Put(int32_t{0});
  out.Put(int16_t{0});
  out.PutArraySize(1);
  out.PutString("Strange");
  out.PutArraySize(1);
  out.PutString("x/0");
  out.Put(int64_t{4001});
  out.PutString("Ongoing");
  out.EndStruct();
  out.EndStruct();
}

void OffsetFetch(WireWriter& out, int16_t version) {
  out.Put(int32_t{0});
  if (version >= 8) {
    out.PutArraySize(1);
    out.PutString("x/0");
  }
  out.PutArraySize(1);
  out.PutString("t");
  out.PutArraySize(1);
  out.Put(int32_t{5});
  out.Put(int64_t{17});
  out.Put(int32_t{-1});
  out.PutString("marker");
  out.Put(int16_t{0});
  out.EndStruct();
  out.EndStruct();
  out.Put(int16_t{0});
  if (version >= 8) out.EndStruct();
  out.EndStruct();
}

void Fetch(WireWriter& out, int16_t version) {
  out.Put(int32_t{0});
  if (version >= 7) {
    out.Put(int16_t{0});
    out.Put(int32_t{0});
  }
  out.PutArraySize(1);
  out.PutString("t");
  out.PutArraySize(1);
  out.Put(int32_t{5});
  out.Put(int16_t{0});
  out.Put(int64_t{200});
  out.Put(int64_t{100});
  if (version >= 5) out.Put(int64_t{3});
  out.PutArraySize(1);
  out.Put(int64_t{4001});
  out.Put(int64_t{90});
  out.EndStruct();
  if (version >= 11) out.Put(int32_t{-1});
  out.PutBytes("some batches");
  out.EndStruct();
  out.EndStruct();
  out.EndStruct();
}

}  // namespace

std::vector<ResponseSample> AllResponseSamples() {
  Collector collector;
  collector.Add<ApiVersionsRequest>(ApiVersions);
  collector.Add<SaslHandshakeRequest>([](WireWriter& out, int16_t) {
    out.Put(int16_t{33});
    out.PutArraySize(2);
    out.PutString("PLAIN");
    out.PutString("SCRAM-SHA-512");
  });
  collector.Add<SaslAuthenticateRequest>([](WireWriter& out, int16_t version) {
    out.Put(int16_t{0});
    out.PutNullString();
    out.PutBytes("v=abc");
    if (version >= 1) out.Put(int64_t{3'600'000});
    out.EndStruct();
  });
  collector.Add<MetadataRequest>(Metadata);
  collector.Add<FindCoordinatorRequest>(FindCoordinator);
  collector.Add<InitProducerIdRequest>([](WireWriter& out, int16_t) {
    out.Put(int32_t{0});
    out.Put(int16_t{0});
    out.Put(int64_t{4001});
    out.Put(int16_t{4});
    out.EndStruct();
  });
  collector.Add<DescribeTransactionsRequest>(DescribeTransactions);
  collector.Add<ListTransactionsRequest>(ListTransactions);
  collector.Add<EndTxnRequest>([](WireWriter& out, int16_t) {
    out.Put(int32_t{0});
    out.Put(int16_t{90});
    out.EndStruct();
  });
  collector.Add<ListGroupsRequest>([](WireWriter& out, int16_t version) {
    if (version >= 1) out.Put(int32_t{0});
    out.Put(int16_t{0});
    out.PutArraySize(1);
    out.PutString("x/0");
    out.PutString("consumer");
  });
  collector.Add<DeleteGroupsRequest>([](WireWriter& out, int16_t) {
    out.Put(int32_t{0});
    out.PutArraySize(1);
    out.PutString("x/0");
    out.Put(int16_t{69});
    out.EndStruct();
    out.EndStruct();
  });
  collector.Add<OffsetFetchRequest>(OffsetFetch);
  collector.Add<ListOffsetsRequest>([](WireWriter& out, int16_t version) {
    if (version >= 2) out.Put(int32_t{0});
    out.PutArraySize(1);
    out.PutString("t");
    out.PutArraySize(1);
    out.Put(int32_t{5});
    out.Put(int16_t{0});
    out.Put(int64_t{-1});
    out.Put(int64_t{12});
  });
  collector.Add<FetchRequest>(Fetch);
  return collector.Take();
}

}  // namespace weir::taskmanager::kafka::protocol
