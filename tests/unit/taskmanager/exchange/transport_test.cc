#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "taskmanager/exchange/grpc/grpc_transport.h"
#include "taskmanager/exchange/local_transport.h"

// One suite for both transports: what a task may rely on.

using namespace weir;
using namespace weir::taskmanager;

namespace {

/// Counts wake-ups; a test waits for a condition and is woken by them.
class Bell {
 public:
  std::function<void()> Ringer() {
    return [state = state_] {
      std::lock_guard lock(state->mutex);
      state->changed.notify_all();
    };
  }
  /// False after 30 s.
  bool Until(const std::function<bool()>& condition) {
    for (int looks = 0; looks < 3000; ++looks) {
      if (condition()) return true;
      // Rung between look and wait: the next look sees it.
      std::unique_lock lock(state_->mutex);
      state_->changed.wait_for(lock, std::chrono::milliseconds(10));
    }
    return false;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

struct LocalPair {
  LocalTransport transport;
  ExchangeTransport& sender() { return transport; }
  ExchangeTransport& receiver() { return transport; }
  std::string address;
  Incarnation peer{1};
};

struct GrpcPair {
  GrpcPair() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(to.service());
    builder.SetMaxReceiveMessageSize(128 << 20);
    server = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~GrpcPair() {
    from.Shutdown();
    to.Shutdown();
    server->Shutdown();
    server->Wait();
  }
  ExchangeTransport& sender() { return from; }
  ExchangeTransport& receiver() { return to; }
  GrpcTransport from{Incarnation(1)};
  GrpcTransport to{Incarnation(2)};
  std::unique_ptr<grpc::Server> server;
  std::string address;
  Incarnation peer{2};
};

batch::SchemaPtr OneColumn() {
  static const auto schema = std::make_shared<batch::Schema>(
      batch::Schema{{{"n", {batch::TypeKind::kBigint, false, 0, 0}}}});
  return schema;
}

Element BatchOf(int64_t n, int64_t bytes) {
  Element element;
  element.batch.schema = OneColumn();
  element.batch.rows = 1;
  element.batch.columns.push_back(batch::Column::Constant(OneColumn()->fields[0].type, 1, n));
  element.bytes = bytes;
  return element;
}

/// More than a connection carries before its peer reads.
Element LargeBatch() {
  constexpr int64_t kRows = 1 << 20;
  Element element;
  element.batch.schema = OneColumn();
  element.batch.rows = kRows;
  element.batch.columns.push_back(batch::Column::Allocate(OneColumn()->fields[0].type, kRows));
  element.bytes = kRows * 8;
  return element;
}

Element Mark(Element::Kind kind, int64_t value) {
  Element element;
  element.kind = kind;
  element.value = value;
  return element;
}

int64_t ValueOf(const Element& element) {
  if (element.kind != Element::Kind::kBatch) return -element.value;
  if (element.encoded == nullptr) return element.batch.columns[0].at<int64_t>(0);
  auto decoded = batch::DecodeBatch(OneColumn(), element.encoded);
  REQUIRE(decoded.ok());
  return decoded->columns[0].at<int64_t>(0);
}

ChannelId Id(int32_t to) { return {JobId{"job"}, Attempt(1), 0, 0, to}; }

int64_t PopValue(InputChannel& input, Bell& bell) {
  Element element;
  bool popped = false;
  REQUIRE(bell.Until([&] {
    auto result = input.Pop(&element);
    REQUIRE(result.ok());
    return popped = *result;
  }));
  return ValueOf(element);
}

}  // namespace

TEMPLATE_TEST_CASE("Transport: elements arrive in the order sent, over many channels", "[exchange]", LocalPair,
                   GrpcPair) {
  TestType pair;
  Bell bell;
  std::vector<std::shared_ptr<InputChannel>> inputs;
  std::vector<std::unique_ptr<OutputChannel>> outputs;
  for (int c = 0; c < 8; ++c) inputs.push_back(pair.receiver().Register(Id(c), bell.Ringer()));
  for (int c = 0; c < 8; ++c) {
    auto output = pair.sender().Connect(Id(c), pair.address, pair.peer, [] {});
    REQUIRE(output.ok());
    outputs.push_back(*std::move(output));
  }
  for (int64_t i = 1; i <= 100; ++i) {
    for (auto& output : outputs) {
      REQUIRE(output->Send(BatchOf(i, 100)).ok());
      if (i % 10 == 0) REQUIRE(output->Send(Mark(Element::Kind::kBarrier, i)).ok());
    }
  }
  for (auto& input : inputs) {
    for (int64_t i = 1; i <= 100; ++i) {
      CHECK(PopValue(*input, bell) == i);
      if (i % 10 == 0) CHECK(PopValue(*input, bell) == -i);
    }
  }
}

TEMPLATE_TEST_CASE("Transport: a full channel holds up itself only; barriers pass; reading makes room", "[exchange]",
                   LocalPair, GrpcPair) {
  TestType pair;
  Bell bell, room;
  auto full = pair.receiver().Register(Id(0), bell.Ringer());
  auto free = pair.receiver().Register(Id(1), bell.Ringer());
  auto to_full = pair.sender().Connect(Id(0), pair.address, pair.peer, room.Ringer());
  auto to_free = pair.sender().Connect(Id(1), pair.address, pair.peer, [] {});
  REQUIRE(to_full.ok());
  REQUIRE(to_free.ok());
  constexpr int64_t kPart = InputChannel::kCapacityBytes / 8;
  int64_t sent = 0;
  while ((*to_full)->writable()) REQUIRE((*to_full)->Send(BatchOf(++sent, kPart)).ok());
  CHECK(sent == 8);
  REQUIRE((*to_full)->Send(Mark(Element::Kind::kBarrier, 5)).ok());
  REQUIRE((*to_free)->Send(BatchOf(42, kPart)).ok());
  CHECK((*to_free)->writable());
  CHECK(PopValue(*free, bell) == 42);
  CHECK_FALSE((*to_full)->writable());
  for (int64_t i = 1; i <= sent; ++i) CHECK(PopValue(*full, bell) == i);
  CHECK(PopValue(*full, bell) == -5);
  CHECK(room.Until([&] { return (*to_full)->writable(); }));
}

TEMPLATE_TEST_CASE("Transport: an ended attempt fails its channels at both ends", "[exchange]", LocalPair, GrpcPair) {
  TestType pair;
  Bell bell, woken;
  auto input = pair.receiver().Register(Id(0), bell.Ringer());
  auto output = pair.sender().Connect(Id(0), pair.address, pair.peer, woken.Ringer());
  REQUIRE(output.ok());
  REQUIRE((*output)->Send(BatchOf(1, 10)).ok());
  CHECK(PopValue(*input, bell) == 1);
  pair.receiver().EndAttempt(JobId{"job"}, Attempt(1), absl::AbortedError("a test"));
  Element element;
  CHECK(bell.Until([&] { return !input->Pop(&element).ok(); }));
  CHECK(woken.Until([&] { return !(*output)->Send(BatchOf(2, 10)).ok(); }));
  CHECK((*output)->writable());  // so that the task sends, and sees it
}

TEST_CASE("GrpcTransport: another incarnation, an ended attempt and an unknown channel are refused", "[exchange]") {
  const bool large = GENERATE(false, true);  // a write that waits for the peer ends too
  GrpcPair pair;
  Bell woken;
  auto refused = [&](const ChannelId& id, Incarnation peer) {
    auto output = pair.sender().Connect(id, pair.address, peer, woken.Ringer());
    REQUIRE(output.ok());
    absl::Status status = large ? (*output)->Send(LargeBatch()) : absl::OkStatus();
    CHECK(woken.Until([&] { return !(status = (*output)->Send(BatchOf(1, 10))).ok(); }));
    return std::string(status.message());
  };
  CHECK_THAT(refused(Id(0), Incarnation(99)), Catch::Contains("another incarnation"));
  CHECK_THAT(refused(Id(0), Incarnation(2)), Catch::Contains("no receiver"));
  pair.receiver().EndAttempt(JobId{"old"}, Attempt(3), absl::AbortedError("a test"));
  CHECK_THAT(refused({JobId{"old"}, Attempt(3), 0, 0, 0}, Incarnation(2)), Catch::Contains("was ended"));
}

TEST_CASE("GrpcTransport: a receiver that goes away fails the sender, and the other way round", "[exchange]") {
  auto pair = std::make_unique<GrpcPair>();
  Bell bell, woken;
  auto input = pair->receiver().Register(Id(0), bell.Ringer());
  auto output = pair->sender().Connect(Id(0), pair->address, pair->peer, woken.Ringer());
  REQUIRE(output.ok());
  REQUIRE((*output)->Send(BatchOf(1, 10)).ok());
  CHECK(PopValue(*input, bell) == 1);
  SECTION("the sender goes") {
    pair->from.Shutdown();
    Element element;
    CHECK(bell.Until([&] { return !input->Pop(&element).ok(); }));
  }
  SECTION("the receiver goes") {
    pair->to.Shutdown();
    CHECK(woken.Until([&] { return !(*output)->Send(BatchOf(2, 10)).ok(); }));
  }
}

TEST_CASE("GrpcTransport: garbage and strangers end their own stream only", "[exchange]") {
  GrpcPair pair;
  for (const bool handshake : {false, true}) {
    grpc::GenericStub stub(grpc::CreateChannel(pair.address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    if (handshake) {
      context.AddMetadata("weir-job", "job");
      context.AddMetadata("weir-attempt", "1");
      context.AddMetadata("weir-to", "2");
    }
    grpc::CompletionQueue queue;
    auto stream = stub.PrepareCall(&context, "/weir.v1.Exchange/Stream", &queue);
    void* tag;
    bool ok;
    stream->StartCall(nullptr);
    REQUIRE(queue.Next(&tag, &ok));
    grpc::Slice slice("this is not a frame of any kind, and long enough to look like one");
    stream->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    queue.Next(&tag, &ok);
    grpc::Status status;
    stream->Finish(&status, nullptr);
    REQUIRE(queue.Next(&tag, &ok));
    CHECK_FALSE(status.ok());
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
  }
  Bell bell;
  auto input = pair.receiver().Register(Id(0), bell.Ringer());
  auto output = pair.sender().Connect(Id(0), pair.address, pair.peer, [] {});
  REQUIRE((*output)->Send(BatchOf(7, 10)).ok());
  CHECK(PopValue(*input, bell) == 7);
}

TEMPLATE_TEST_CASE("Transport: many senders under back-pressure lose and reorder nothing", "[exchange]", LocalPair,
                   GrpcPair) {
  TestType pair;
  constexpr int kChannels = 4;
  constexpr int64_t kElements = 3000;
  Bell bell;
  std::vector<std::shared_ptr<InputChannel>> inputs;
  for (int c = 0; c < kChannels; ++c) inputs.push_back(pair.receiver().Register(Id(c), bell.Ringer()));
  std::vector<std::thread> senders;
  std::atomic<int> failures{0};
  for (int c = 0; c < kChannels; ++c) {
    senders.emplace_back([&, c] {
      Bell room;
      auto output = pair.sender().Connect(Id(c), pair.address, pair.peer, room.Ringer());
      for (int64_t i = 1; i <= kElements; ++i) {
        if (!room.Until([&] { return (*output)->writable(); }) || !(*output)->Send(BatchOf(i, 20'000)).ok()) ++failures;
      }
    });
  }
  std::vector<int64_t> last(kChannels, 0);
  int64_t received = 0;
  bell.Until([&] {
    for (int c = 0; c < kChannels; ++c) {
      Element element;
      for (;;) {
        auto popped = inputs[c]->Pop(&element);
        if (!popped.ok() || !*popped) break;
        if (ValueOf(element) != ++last[c]) ++failures;
        ++received;
      }
    }
    return received == kChannels * kElements;
  });
  for (auto& thread : senders) thread.join();
  CHECK(received == kChannels * kElements);
  CHECK(failures == 0);
}
