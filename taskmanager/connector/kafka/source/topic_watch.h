#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "taskmanager/connector/kafka/source/topic_directory.h"
#include "taskmanager/connector/kafka/source/topic_monitor.h"

namespace weir::taskmanager::kafka {

/// TopicMonitor with a thread of its own, which asks the cluster at the start, at intervals, and when told to.
///
/// Thread:  thread-safe; the destructor joins, at most a second or two where the cluster does not answer.
class TopicWatch final : public TopicMonitor {
 public:
  struct Options {
    std::string name;             // for messages: `source transactions`
    int64_t interval_micros = 0;  // 0: only at the start and when told to
    bool discover = false;        // partitions that are new end the attempt
    std::function<void()> wake;
  };
  TopicWatch(std::shared_ptr<Client> client, std::unique_ptr<TopicDirectory> directory, Options options);
  ~TopicWatch() override;

  void Start(std::vector<KafkaSplit> mine, std::vector<KafkaSplit> all) override;
  bool verified() const override;
  absl::Status status() const override;
  void Confirm() override;
  /// Asks the leader of a partition for anything, so that librdkafka's thread of that broker looks around.
  void Nudge(const std::string& topic, int32_t partition);

 private:
  void Main();
  /// Nothing: the cluster could not be asked, or it must be asked again before something is said of it.
  std::optional<absl::Status> Look();
  void Conclude(const absl::Status& status, bool confirming);

  const std::shared_ptr<Client> client_;
  const std::unique_ptr<TopicDirectory> directory_;
  const Options options_;
  std::vector<KafkaSplit> mine_, all_;
  std::vector<std::string> names_;
  absl::Status trouble_;  // why the cluster could not be asked; of Main
  int missing_ = 0;       // looks in a row that missed a topic; of Main

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool confirm_ = false;
  bool verified_ = false;
  std::optional<std::pair<std::string, int32_t>> nudge_;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace weir::taskmanager::kafka
