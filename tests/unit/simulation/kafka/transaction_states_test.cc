#include "tests/simulation/kafka/transaction_states.h"

#include <catch2/catch.hpp>
#include <string>

#include "taskmanager/connector/kafka/protocol/error_code.h"

namespace weir::sim {
namespace {

using namespace taskmanager::kafka::protocol;
using State = TransactionStates::State;

constexpr SteadyMicros kSecond = 1'000'000;

struct Coordinator {
  explicit Coordinator(TransactionStates::Options options = {})
      : states(
            options, Rng(7),
            [this](const PartitionName&, const ProducerIdentity&, bool commit) {
              if (!leaders) return false;
              ++(commit ? commits : aborts);
              return true;
            },
            [this] { return now / 1000; }) {}
  void Pass(SteadyMicros micros) {
    now += micros;
    states.Advance(now);
  }
  /// Until it is answered with something else than CONCURRENT_TRANSACTIONS.
  ProducerIdentity Init(const std::string& id, int64_t timeout_ms = 60'000) {
    for (int i = 0; i < 1'000; ++i) {
      const CoordinatorAnswer answer = states.InitProducerId(id, timeout_ms);
      Pass(20'000);
      if (answer.error == kConcurrentTransactions) continue;
      CHECK(answer.error == kNone);
      return answer.identity;
    }
    FAIL("never answered");
    return {};
  }
  void Open(const std::string& id, const ProducerIdentity& producer) {
    REQUIRE(states.AddPartition(id, producer, {"t", 0}).error == kNone);
    Pass(20'000);
    REQUIRE(state(id) == State::kOngoing);
  }
  State state(const std::string& id) const { return states.Find(id)->state; }

  SteadyMicros now = 0;
  bool leaders = true;
  int commits = 0, aborts = 0;
  TransactionStates states;
};

TEST_CASE("EndTxn is answered as the table of states says") {
  Coordinator c;
  CHECK(c.states.EndTxn("x", {1, 0}, true, 4).error == kInvalidProducerIdMapping);
  const ProducerIdentity producer = c.Init("x");
  CHECK(producer.epoch == 0);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kInvalidTxnState);
  c.Open("x", producer);
  CHECK(c.states.EndTxn("x", {producer.producer_id + 1, 0}, true, 4).error == kInvalidProducerIdMapping);
  CHECK(c.states.EndTxn("x", {producer.producer_id, 1}, true, 4).error == kProducerFenced);
  CHECK(c.states.EndTxn("x", {producer.producer_id, 1}, true, 1).error == kInvalidProducerEpoch);
  const CoordinatorAnswer ended = c.states.EndTxn("x", producer, true, 4);
  CHECK(ended.error == kNone);
  CHECK(ended.ready_at > c.now);  // answered when the log has it
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kConcurrentTransactions);
  c.leaders = false;
  c.Pass(kSecond);
  CHECK(c.state("x") == State::kPrepareCommit);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kConcurrentTransactions);
  CHECK(c.states.InitProducerId("x", 60'000).error == kConcurrentTransactions);
  c.leaders = true;
  c.Pass(kSecond);
  CHECK(c.state("x") == State::kCompleteCommit);
  CHECK(c.commits == 1);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kNone);  // idempotent
  CHECK(c.states.EndTxn("x", producer, false, 4).error == kInvalidTxnState);
}

TEST_CASE("a late EndTxn of the same epoch commits the next transaction") {
  Coordinator c;
  const ProducerIdentity producer = c.Init("x");
  c.Open("x", producer);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kNone);
  c.Pass(kSecond);
  c.Open("x", producer);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kNone);  // meant for the first: KAFKA-17754
  c.Pass(kSecond);
  CHECK(c.commits == 2);
}

TEST_CASE("transactions V2: each end raises the epoch, a repeated end is recognised") {
  Coordinator c;
  const ProducerIdentity producer = c.Init("x");
  c.Open("x", producer);
  const CoordinatorAnswer ended = c.states.EndTxn("x", producer, true, 5);
  CHECK(ended.error == kNone);
  CHECK(ended.identity.epoch == producer.epoch + 1);
  c.Pass(kSecond);
  CHECK(c.states.EndTxn("x", producer, true, 5).error == kNone);
  CHECK(c.states.EndTxn("x", producer, false, 5).error == kInvalidTxnState);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kProducerFenced);  // never mix
  CHECK(c.states.EndTxn("x", ended.identity, true, 5).error == kInvalidTxnState);
}

TEST_CASE("a fence aborts what is open, and succeeds when that is over") {
  Coordinator c;
  const ProducerIdentity producer = c.Init("x");
  c.Open("x", producer);
  CHECK(c.states.InitProducerId("x", 60'000).error == kConcurrentTransactions);
  const ProducerIdentity fence = c.Init("x");
  CHECK(fence.epoch == producer.epoch + 2);
  CHECK(c.aborts == 1);
  CHECK(c.states.AddPartition("x", producer, {"t", 0}).error == kProducerFenced);
  CHECK(c.states.Verify("x", producer, {"t", 0}) == kInvalidProducerEpoch);
}

TEST_CASE("an open transaction is aborted when its time is over") {
  Coordinator c;
  const ProducerIdentity producer = c.Init("x", 2'000);
  c.Open("x", producer);
  c.Pass(30 * kSecond);
  CHECK(c.state("x") == State::kCompleteAbort);
  CHECK(c.states.EndTxn("x", producer, true, 4).error == kProducerFenced);
  CHECK(c.states.InitProducerId("x", 900'001).error == kInvalidTransactionTimeout);
}

TEST_CASE("epochs run out: the producer id changes") {
  TransactionStates::Options options;
  options.first_epoch = 32'765;
  Coordinator c(options);
  const ProducerIdentity first = c.Init("x");
  const ProducerIdentity second = c.Init("x");
  CHECK(second.epoch == 32'766);
  const ProducerIdentity third = c.Init("x");
  CHECK(third.producer_id != first.producer_id);
  CHECK(third.epoch == 0);
  CHECK(c.states.EndTxn("x", second, true, 4).error == kInvalidProducerIdMapping);
}

TEST_CASE("a new coordinator knows what the log has; the rest may never have been") {
  int kept = 0, lost = 0;
  for (int round = 0; round < 40; ++round) {
    Coordinator c;
    c.Pass(round);
    const ProducerIdentity producer = c.Init("x");
    c.Open("x", producer);
    for (int i = 0; i < round; ++i) c.states.InitProducerId(std::to_string(i), 60'000);  // other draws
    c.states.EndTxn("x", producer, true, 4);
    c.states.MoveCoordinator([](const std::string&) { return true; });
    c.Pass(kSecond);
    if (c.state("x") == State::kCompleteCommit) {
      ++kept;
    } else {
      CHECK(c.state("x") == State::kOngoing);
      CHECK(c.states.EndTxn("x", producer, true, 4).error == kNone);
      ++lost;
    }
  }
  CHECK(kept > 0);
  CHECK(lost > 0);
}

TEST_CASE("ids that nobody uses are forgotten, open ones are not") {
  Coordinator c;
  c.Init("idle");
  c.Open("open", c.Init("open", 900'000));
  c.Pass(100 * kSecond);
  c.states.ExpireIds(50'000);
  CHECK(c.states.Find("idle") == nullptr);
  CHECK(c.states.Find("open") != nullptr);
}

}  // namespace
}  // namespace weir::sim
