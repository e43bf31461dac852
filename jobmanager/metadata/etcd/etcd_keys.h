#pragma once

#include <string>

#include "common/base/ids.h"

namespace weir::jobmanager::etcd {

/// Where things lie in etcd, below a prefix:
///   leader            HOST:PORT of the leader, held by its lease; its create revision is the epoch
///   jobs/ID/record    a JobRecord
///   jobs/ID/spec/N    the job's spec, cut into parts
///   storages/URI      the id of a checkpoint storage
class Keys {
 public:
  explicit Keys(std::string prefix) : prefix_(std::move(prefix)) {
    while (!prefix_.empty() && prefix_.back() == '/') prefix_.pop_back();
  }
  std::string Leader() const { return prefix_ + "/leader"; }
  std::string Jobs() const { return prefix_ + "/jobs/"; }
  std::string Job(const JobId& job) const { return Jobs() + job.value + "/"; }
  std::string Record(const JobId& job) const { return Job(job) + "record"; }
  std::string Spec(const JobId& job) const { return Job(job) + "spec/"; }
  std::string Storage(const std::string& uri) const { return prefix_ + "/storages/" + uri; }
  /// The end of the range of all keys that begin with `folder`, which ends in a slash.
  static std::string EndOf(std::string folder) {
    folder.back() = '/' + 1;
    return folder;
  }

 private:
  std::string prefix_;
};

}  // namespace weir::jobmanager::etcd
