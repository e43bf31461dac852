#include "absl/strings/str_cat.h"
#include "tests/kafka/contract/script.h"

namespace weir::taskmanager::kafka::contract {
namespace {

/// From an id that nobody knows to a commit by another client, with every foreign identity in between.
void Life(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Describe(id);
  s.OffsetFetch(id, true);
  s.Warm("p", id);
  s.Describe(id);
  s.EndTxn(id, true);
  s.EndTxn(id, false);
  s.Begin("p");
  s.Produce("p", 0, "x", 3);
  s.Produce("p", 1, "y", 2);
  s.Describe(id);
  s.PortListOngoing(topic + "/");
  s.PortListOngoing(topic + "-other/");
  s.Mark("p", 5);
  s.Describe(id);
  s.OffsetFetch(id, true);
  s.OffsetFetch(id, false);
  s.Committed(0);
  s.EndTxn(id, true, 1);
  s.EndTxn(id, true, -1);
  s.EndTxn(id, true, 0, 1);
  s.Destroy("p");
  s.Peek(id);
  s.EndTxn(id, true);
  s.Describe(id);
  s.EndTxn(id, true);
  s.PortCommit(id);
  s.EndTxn(id, false);
  s.EndTxn(id, true, 1);
  s.PortMarker(id);
  s.OffsetFetch(id, true);
  s.PortListOngoing(topic + "/");
  s.Committed(0);
  s.Committed(1);
}

void EmptyIds(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  for (int i = 0; i < 3; ++i) s.InitUntilDone(id, 60'000 + i);
  s.Describe(id);
  s.EndTxn(id, true);
  s.EndTxn(id, false);
  s.EndTxn(id, true, -1);
  s.PortFence(s.Id("never used"));
  s.Describe(s.Id("never used"));
  s.Init(s.Id("b"), 900'001);
  s.Init(s.Id("b"), 0);
  s.PortMarker(id);
}

void Fence(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("old", id);
  s.Begin("old");
  s.Produce("old", 0, "x", 3);
  s.Mark("old", 1);
  s.Describe(id);
  s.Init(id);
  s.InitUntilDone(id);
  s.EndTxn(id, true);
  s.EndTxn(id, false);
  s.Peek(id);
  s.ReadLog("old", id);
  s.Produce("old", 0, "late", 1);
  s.PortMarker(id);
  s.Committed(0);
  s.Warm("new", id);
  s.Begin("new");
  s.Produce("new", 0, "n", 2);
  s.Mark("new", 2);
  s.Describe(id);
  s.PortCommit(id);
  s.Committed(0);
  s.PortMarker(id);
}

void TwoProducers(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("first", id);
  s.Warm("second", id);
  s.Begin("first");
  s.Produce("first", 0, "x", 1);
  s.Begin("second");
  s.Produce("second", 0, "y", 1);
  s.Describe(id);
  s.PortCommit(id);
  s.Committed(0);
}

void Abort(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 1, "x", 2);
  s.Mark("p", 3);
  s.Describe(id);
  s.EndTxn(id, false);
  s.Describe(id);
  s.EndTxn(id, false);
  s.EndTxn(id, true);
  s.ReadLog("p", id);
  s.Committed(1);
  s.PortMarker(id);
  s.InitUntilDone(id);
  s.EndTxn(id, false);
}

/// KAFKA-17754: what was meant for one transaction ends the next one of its epoch.
void LateEnd(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 0, "first", 1);
  s.Describe(id);
  s.Commit("p");
  s.Peek(id);
  s.Begin("p");
  s.Produce("p", 0, "second", 1);
  s.Peek(id);
  s.EndTxn(id, true);
  s.Peek(id);
  s.Committed(0);
}

void ProduceAfterForeignEnd(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 0, "x", 1);
  s.Describe(id);
  s.EndTxn(id, true);
  s.Peek(id);
  s.Produce("p", 0, "after", 1);
  s.Committed(0);
}

void Markers(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  for (const int checkpoint : {1, 2, 3}) {
    const std::string name = absl::StrCat("p", checkpoint);
    s.Warm(name, id);
    s.Begin(name);
    if (checkpoint != 2) s.Produce(name, 0, absl::StrCat("c", checkpoint, "-"), 1);
    s.Mark(name, checkpoint);
    s.Describe(id);
    s.OffsetFetch(id, true);
    s.OffsetFetch(id, false);
    s.EndTxn(id, checkpoint != 3);
    s.Peek(id);
    s.OffsetFetch(id, true);
  }
  s.Committed(0);
}

void TimeOut(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a"), other = s.Id("b");
  s.Warm("p", id, 2'000);
  s.Warm("q", other, 60'000);
  s.Begin("p");
  s.Begin("q");
  s.Produce("p", 0, "x", 2);
  s.Mark("p", 1);
  s.Produce("q", 1, "y", 2);
  s.Describe(id);
  s.Describe(other);
  s.Pause(6'000);
  s.Peek(id);
  s.PortCommit(id);
  s.EndTxn(id, true);
  s.EndTxn(id, true, 1);
  s.EndTxn(id, false, 1);
  s.ReadLog("p", id);
  s.Committed(0);
  s.PortMarker(id);
  s.PortFence(id);
  s.EndTxn(id, true);
  s.PortCommit(other);
  s.Committed(1);
}

void BrokerRestart(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a"), open = s.Id("b");
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 0, "x", 3);
  s.Mark("p", 9);
  s.Describe(id);
  s.Destroy("p");
  s.Warm("q", open);
  s.Begin("q");
  s.Produce("q", 1, "y", 1);
  s.Describe(open);
  subject.RestartBroker();
  s.Peek(id);
  s.PortListOngoing(topic + "/");
  s.OffsetFetch(id, false);
  s.PortCommit(id);
  s.PortMarker(id);
  s.Produce("q", 1, "after", 1);
  s.Committed(0);
  s.Peek(open);
  s.PortCommit(open);
  s.Committed(1);
}

void Retention(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 0, "x", 5);
  s.Describe(id);
  s.ReadLog("p", id);
  s.PortCommit(id);
  subject.DeleteRecords(topic, 0, 2);
  s.ReadLog("p", id);
  s.Committed(0);
}

/// Epochs of an id run out: its producer id changes.
void EpochsRunOut(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  s.InitUntilDone(id);
  s.Describe(id);
  protocol::InitProducerIdRequest request;
  request.transactional_id = id;
  request.transaction_timeout_ms = 60'000;
  for (int16_t epoch = 0; epoch < 32'765;) {
    const protocol::InitProducerIdResponse response = subject.Init(request);
    if (response.error == 0) epoch = response.producer_epoch;
  }
  s.Describe(id);
  s.Warm("p", id);  // the last epoch
  s.Begin("p");
  s.Produce("p", 0, "x", 2);
  s.Mark("p", 4);
  s.Describe(id);
  s.PortCommit(id);
  s.Peek(id);
  s.PortCommit(id);
  s.Warm("q", id);
  s.PortCommit(id);
  s.EndTxn(id, true);
  s.Describe(id);
  s.PortMarker(id);
  s.Committed(0);
}

/// A transaction of the last epoch is fenced.
void LastEpochFenced(Subject& subject, const std::string& topic, std::vector<std::string>* answers) {
  Steps s(&subject, topic, answers);
  const std::string id = s.Id("a");
  protocol::InitProducerIdRequest request;
  request.transactional_id = id;
  request.transaction_timeout_ms = 60'000;
  for (int16_t epoch = 0; epoch < 32'765;) {
    const protocol::InitProducerIdResponse response = subject.Init(request);
    if (response.error == 0) epoch = response.producer_epoch;
  }
  s.Warm("p", id);
  s.Begin("p");
  s.Produce("p", 0, "x", 2);
  s.Describe(id);
  s.InitUntilDone(id);
  s.EndTxn(id, true);
  s.Describe(id);
  s.Committed(0);
}

}  // namespace

const std::vector<NamedScript>& Scripts() {
  static const std::vector<NamedScript> scripts = {
      {"life", Life},
      {"empty_ids", EmptyIds},
      {"fence", Fence},
      {"two_producers", TwoProducers},
      {"abort", Abort},
      {"late_end", LateEnd},
      {"produce_after_foreign_end", ProduceAfterForeignEnd},
      {"markers", Markers},
      {"time_out", TimeOut},
      {"retention", Retention},
      {"broker_restart", BrokerRestart},
      {"epochs_run_out", EpochsRunOut, true},
      {"last_epoch_fenced", LastEpochFenced, true},
  };
  return scripts;
}

}  // namespace weir::taskmanager::kafka::contract
