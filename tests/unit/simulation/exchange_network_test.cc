#include "tests/simulation/network/exchange_network.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/simulation/network/network_faults.h"
#include "tests/unit/simulation/run.h"

namespace weir::sim {
namespace {

using taskmanager::ChannelId;
using taskmanager::Element;
using taskmanager::InputChannel;

const ChannelId kFirst{JobId{"j"}, Attempt(2), 0, 0, 1}, kSecondChannel{JobId{"j"}, Attempt(2), 0, 0, 2};

Element Watermark(int64_t value) {
  Element element;
  element.kind = Element::Kind::kWatermark;
  element.value = value;
  return element;
}
Element Batch(int64_t bytes) {
  Element element;
  element.batch.schema = std::make_shared<batch::Schema>();
  element.bytes = bytes;
  return element;
}

/// Two TaskManagers with an exchange each.
struct Two {
  explicit Two(uint64_t seed) : simulation(seed), network(&simulation) {
    a = simulation.AddNode("tm-1");
    b = simulation.AddNode("tm-2");
    sender = simulation.StartProcess(a, "tm-1", [this] {
      from = MakeExchangeTransport(&network, simulation.current_process(), "tm-1:1", Incarnation(11));
    });
    receiver = simulation.StartProcess(b, "tm-2", [this] {
      to = MakeExchangeTransport(&network, simulation.current_process(), "tm-2:1", Incarnation(22));
      input = to->Register(kFirst, [this] { ++input_rung; });
      other_input = to->Register(kSecondChannel, [] {});
    });
    Run(simulation, 10'000);
  }
  void At(ProcessId process, std::function<void()> body, SteadyMicros time = kSecond) {
    simulation.SpawnIn(process, "test", std::move(body));
    Run(simulation, simulation.Now() + time);
  }
  void Connect() {
    At(sender, [this] {
      output = *from->Connect(kFirst, "tm-2:1", Incarnation(22), [this] { ++output_rung; });
      other_output = *from->Connect(kSecondChannel, "tm-2:1", Incarnation(22), [] {});
    }, 1000);
  }

  Simulation simulation;
  Network network;
  NodeId a = 0, b = 0;
  ProcessId sender = 0, receiver = 0;
  std::unique_ptr<taskmanager::ExchangeTransport> from, to;
  std::shared_ptr<InputChannel> input, other_input;
  std::unique_ptr<taskmanager::OutputChannel> output, other_output;
  int input_rung = 0, output_rung = 0;
};

TEST_CASE("elements come in order, batches in their wire form") {
  Two two(1);
  two.Connect();
  two.At(two.sender, [&] {
    CHECK(two.output->Send(Watermark(1)).ok());
    CHECK(two.output->Send(Batch(100)).ok());
    CHECK(two.output->Send(Watermark(2)).ok());
  });
  CHECK(two.input_rung >= 3);
  two.At(two.receiver, [&] {
    Element element;
    CHECK(*two.input->Pop(&element));
    CHECK(element.value == 1);
    CHECK(*two.input->Pop(&element));
    CHECK(element.kind == Element::Kind::kBatch);
    CHECK(element.encoded != nullptr);
    CHECK(element.bytes == 100);
    CHECK(*two.input->Pop(&element));
    CHECK(element.value == 2);
    CHECK_FALSE(*two.input->Pop(&element));
  });
}

TEST_CASE("a full channel waits for credit, others and barriers do not") {
  Two two(2);
  two.Connect();
  two.At(two.sender, [&] {
    CHECK(two.output->writable());
    CHECK(two.output->Send(Batch(InputChannel::kCapacityBytes)).ok());
    CHECK_FALSE(two.output->writable());
    CHECK(two.other_output->writable());
    CHECK(two.output->Send(Watermark(7)).ok());
  });
  CHECK(two.input->queued_bytes() == InputChannel::kCapacityBytes);
  two.At(two.receiver, [&] {
    Element element;
    CHECK(*two.input->Pop(&element));
    CHECK(*two.input->Pop(&element));
    CHECK(element.value == 7);
  });
  CHECK(two.output_rung > 0);
  CHECK(two.output->writable());
}

TEST_CASE("a connection that takes nothing stops every channel of it, until it does") {
  Two two(3);
  two.Connect();
  two.network.Block(two.a, two.b);
  two.At(two.sender, [&] {
    for (int i = 0; two.other_output->writable(); ++i) {
      REQUIRE(i < 1'000'000);
      REQUIRE(two.output->Send(Watermark(i)).ok());
    }
    CHECK_FALSE(two.output->writable());
  });
  two.network.Unblock(two.a, two.b);
  Run(two.simulation, 5 * kSecond);
  CHECK(two.output_rung > 0);
  CHECK(two.output->writable());
}

TEST_CASE("a broken connection fails the channels at both ends, after what has come") {
  Two two(4);
  two.Connect();
  two.At(two.sender, [&] { CHECK(two.output->Send(Watermark(1)).ok()); });
  Nemesis nemesis;
  ControlNetwork control(&two.network);
  AddNetworkFaults(&two.network, &control, &nemesis);
  nemesis.Run(*FaultPlan::Parse("0 data_reset(tm-2,tm-1)"), [](SteadyMicros) {}, {});
  Run(two.simulation, two.simulation.Now() + kSecond);
  two.At(two.receiver, [&] {
    Element element;
    CHECK(*two.input->Pop(&element));
    CHECK(two.input->Pop(&element).status().code() == absl::StatusCode::kUnavailable);
  });
  two.At(two.sender, [&] {
    CHECK(two.output->writable());
    CHECK(two.output->Send(Watermark(2)).code() == absl::StatusCode::kUnavailable);
  });
}

TEST_CASE("an ended attempt fails here and at the peer, and is refused afterwards") {
  Two two(5);
  two.Connect();
  two.At(two.sender, [&] { CHECK(two.output->Send(Watermark(1)).ok()); });
  two.At(two.receiver, [&] { two.to->EndAttempt(JobId{"j"}, Attempt(2), absl::AbortedError("cancelled")); });
  two.At(two.receiver, [&] {
    Element element;
    CHECK(*two.input->Pop(&element));
    CHECK(two.input->Pop(&element).status().message() == "cancelled");
  });
  two.At(two.sender, [&] {
    CHECK(two.output->Send(Watermark(2)).code() == absl::StatusCode::kUnavailable);
    two.from->EndAttempt(JobId{"j"}, Attempt(1), absl::AbortedError("older"));
    two.from->EndAttempt(JobId{"j"}, Attempt(2), absl::AbortedError("too"));
    two.output = *two.from->Connect(kFirst, "tm-2:1", Incarnation(22), [] {});
    CHECK(two.output->Send(Watermark(3)).ok());  // connects in the background
  });
  two.At(two.sender, [&] {
    const absl::Status refused = two.output->Send(Watermark(4));
    CHECK(refused.message().find("attempt 2 was ended here") != absl::string_view::npos);
  });
}

TEST_CASE("a stream for another life of the TaskManager is refused, one to nobody fails") {
  Two two(6);
  two.At(two.sender, [&] {
    two.output = *two.from->Connect(kFirst, "tm-2:1", Incarnation(21), [] {});
    two.other_output = *two.from->Connect(kSecondChannel, "tm-9:1", Incarnation(99), [] {});
  });
  two.At(two.sender, [&] {
    CHECK(two.output->Send(Watermark(1)).message().find("another incarnation") != absl::string_view::npos);
    CHECK(two.other_output->Send(Watermark(1)).code() == absl::StatusCode::kUnavailable);
  });
}

TEST_CASE("a channel that nobody has registered fails the stream") {
  Two two(7);
  two.Connect();
  two.At(two.sender, [&] {
    auto lost = *two.from->Connect({JobId{"j"}, Attempt(2), 5, 0, 0}, "tm-2:1", Incarnation(22), [] {});
    CHECK(lost->Send(Watermark(1)).ok());
  });
  two.At(two.sender, [&] {
    CHECK(two.output->Send(Watermark(1)).message().find("no receiver for the channel of edge 5") !=
          absl::string_view::npos);
  });
}

}  // namespace
}  // namespace weir::sim
