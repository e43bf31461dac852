#include "tests/unit/kafka/protocol/fake_cluster.h"

#include "absl/strings/str_cat.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

struct LostConnection {};
struct NoAnswer {};

const char* NameOf(int16_t key) {
  for (const Api& api : {EndTxnRequest::kApi, InitProducerIdRequest::kApi, DescribeTransactionsRequest::kApi,
                         ListTransactionsRequest::kApi, FindCoordinatorRequest::kApi, MetadataRequest::kApi,
                         OffsetFetchRequest::kApi, FetchRequest::kApi, ListOffsetsRequest::kApi,
                         ListGroupsRequest::kApi, DeleteGroupsRequest::kApi}) {
    if (api.key == key) return api.name;
  }
  return "?";
}

bool IsFlexible(int16_t key, int16_t version) {
  for (const Api& api : {EndTxnRequest::kApi, InitProducerIdRequest::kApi, DescribeTransactionsRequest::kApi,
                         ListTransactionsRequest::kApi, FindCoordinatorRequest::kApi, MetadataRequest::kApi,
                         OffsetFetchRequest::kApi, FetchRequest::kApi, ListOffsetsRequest::kApi,
                         ListGroupsRequest::kApi, DeleteGroupsRequest::kApi}) {
    if (api.key == key) return api.IsFlexible(version);
  }
  return false;
}

void WriteMetadata(WireWriter& out, int16_t version, const FakeBrokers& brokers) {
  out.Put(int32_t{0});
  out.PutArraySize(2);
  for (int32_t node = 1; node <= 2; ++node) {
    out.Put(node);
    out.PutString("broker" + std::to_string(node));
    out.Put(int32_t{9092});
    out.PutNullString();
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
  out.Put(static_cast<int32_t>(brokers.coordinator));
  if (version >= 7) out.Put(int32_t{0});
  for (int i = 0; i < (version >= 5 ? 3 : 2); ++i) out.PutArraySize(0);
  out.EndStruct();
  if (version >= 8) out.Put(int32_t{0});
  out.EndStruct();
  if (version >= 8 && version <= 10) out.Put(int32_t{0});
  out.EndStruct();
}

void WriteCoordinator(WireWriter& out, int16_t version, int node) {
  out.Put(int32_t{0});
  if (version >= 4) {
    out.PutArraySize(1);
    out.PutString("key");
  } else {
    out.Put(int16_t{0});
    out.PutNullString();
  }
  out.Put(static_cast<int32_t>(node));
  out.PutString("broker" + std::to_string(node));
  out.Put(int32_t{9092});
  if (version >= 4) {
    out.Put(int16_t{0});
    out.PutNullString();
    out.EndStruct();
  }
  out.EndStruct();
}

}  // namespace

class FakeConnection final : public BrokerConnection {
 public:
  FakeConnection(FakeBrokers* brokers, int node)
      : brokers_(brokers), node_(node), generation_(brokers->generation_), apis_([&] {
          ApiVersionsResponse response;
          response.ranges = brokers->ranges;
          return response;
        }()) {}
  const ApiRanges& apis() const override { return apis_; }
  const std::string& client_id() const override { return client_id_; }
  bool IsUsable() override { return !broken_; }

  absl::StatusOr<std::string> Exchange(const std::string& frame, SteadyMicros deadline) override {
    WireReader in(std::string_view(frame).substr(4), false);
    const auto key = in.Get<int16_t>();
    const auto version = in.Get<int16_t>();
    const auto correlation = in.Get<int32_t>();
    brokers_->calls.push_back(absl::StrCat(NameOf(key), "@", node_));
    brokers_->bodies.push_back(frame.substr(4 + 8));
    broken_ = true;
    if (brokers_->down[node_] || generation_ != brokers_->generation_) return absl::UnavailableError("lost");
    brokers_->before_answer();
    std::string answer;
    WireWriter(&answer, false).Put(correlation);
    WireWriter out(&answer, IsFlexible(key, version));
    out.EndStruct();
    auto& script = brokers_->scripts_[key];
    try {
      if (!script.empty()) {
        const FakeBrokers::Body body = script.front();
        if (script.size() > 1) script.pop_front();
        body(out, version);
      } else if (key == MetadataRequest::kApi.key) {
        WriteMetadata(out, version, *brokers_);
      } else if (key == FindCoordinatorRequest::kApi.key) {
        WriteCoordinator(out, version, brokers_->coordinator);
      }
    } catch (const LostConnection&) {
      return absl::UnavailableError("lost");
    } catch (const NoAnswer&) {
      brokers_->clock.now = std::max(brokers_->clock.now, deadline);
      return absl::DeadlineExceededError("no answer in time");
    }
    broken_ = false;
    return answer;
  }

 private:
  FakeBrokers* const brokers_;
  const int node_;
  const int generation_;
  const ApiRanges apis_;
  const std::string client_id_ = "test";
  bool broken_ = false;
};

FakeBrokers::FakeBrokers() {
  for (const Api& api : {EndTxnRequest::kApi, InitProducerIdRequest::kApi, DescribeTransactionsRequest::kApi,
                         ListTransactionsRequest::kApi, FindCoordinatorRequest::kApi, MetadataRequest::kApi,
                         OffsetFetchRequest::kApi, FetchRequest::kApi, ListOffsetsRequest::kApi,
                         ListGroupsRequest::kApi, DeleteGroupsRequest::kApi}) {
    ranges.push_back({api.key, 0, 20});
  }
}

std::unique_ptr<Cluster> FakeBrokers::MakeCluster() {
  const Dialer dialer = [this](const Endpoint& endpoint,
                               SteadyMicros) -> absl::StatusOr<std::unique_ptr<BrokerConnection>> {
    ++dials;
    if (!dial_error.ok()) return dial_error;
    const int node = endpoint.host == "broker1" ? 1 : 2;
    if (down[node]) return absl::UnavailableError("refused by " + endpoint.host);
    return std::make_unique<FakeConnection>(this, node);
  };
  return std::make_unique<Cluster>(std::vector<std::string>{"broker1", "broker2:9092"}, dialer, &clock,
                                   [this](SteadyMicros pause) {
                                     pauses.push_back(pause);
                                     clock.now += pause;
                                   });
}

FakeBrokers::Body ErrorAnswer(const Api& api, int16_t error) {
  return [key = api.key, error](WireWriter& out, int16_t version) {
    out.Put(int32_t{0});
    out.Put(error);
    if (key == InitProducerIdRequest::kApi.key) {
      out.Put(int64_t{error == 0 ? 4001 : -1});
      out.Put(static_cast<int16_t>(error == 0 ? 7 : -1));
    }
    out.EndStruct();
  };
}

FakeBrokers::Body Lost() {
  return [](WireWriter&, int16_t) { throw LostConnection(); };
}

FakeBrokers::Body Silence() {
  return [](WireWriter&, int16_t) { throw NoAnswer(); };
}

}  // namespace weir::taskmanager::kafka::protocol
