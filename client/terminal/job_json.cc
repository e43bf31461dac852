#include "client/terminal/job_json.h"

#include "absl/status/status.h"
#include "client/terminal/json_writer.h"
#include "common/batch/types.h"

namespace weir::client {
namespace {

using jobmanager::CheckpointInfo;
using jobmanager::JobStatus;

void Write(JsonWriter& json, const CheckpointInfo& checkpoint) {
  json.BeginObject();
  json.Key("id").Int(checkpoint.id.value).Key("attempt").Int(checkpoint.attempt.value);
  json.Key("savepoint").Bool(checkpoint.savepoint).Key("path").String(checkpoint.path);
  json.Key("completed_at_ms")
      .Int(checkpoint.completed_at_ms)
      .Key("duration_ms")
      .Int(checkpoint.duration_ms);
  json.Key("size_bytes").Int(checkpoint.size_bytes).EndObject();
}

void WriteTask(JsonWriter& json, const jobmanager::SubtaskStatus& task) {
  const control::SubtaskMetrics& metrics = task.metrics;
  json.BeginObject();
  json.Key("name").String(task.name).Key("subtask").Int(task.id.index);
  json.Key("state")
      .String(jobmanager::ToString(task.state))
      .Key("taskmanager")
      .String(task.taskmanager);
  json.Key("rows_in").Int(metrics.rows_in).Key("rows_out").Int(metrics.rows_out);
  json.Key("bytes_in").Int(metrics.bytes_in).Key("bytes_out").Int(metrics.bytes_out);
  json.Key("skipped_rows").Int(metrics.skipped_rows).Key("late_rows").Int(metrics.late_rows);
  json.Key("error_rows").Int(metrics.error_rows).Key("watermark_ms");
  if (metrics.watermark == batch::kMinTimestamp) {
    json.Null();
  } else {
    json.Int(metrics.watermark / 1000);
  }
  json.Key("lag_records");
  if (metrics.lag_records < 0) {
    json.Null();
  } else {
    json.Int(metrics.lag_records);
  }
  json.Key("busy_ms").Int(metrics.busy_micros / 1000);
  json.Key("backpressured_ms").Int(metrics.backpressured_micros / 1000);
  json.Key("state_bytes").Int(metrics.state_bytes).EndObject();
}

void WriteFailure(JsonWriter& json, const JobStatus& status) {
  json.Key("failure");
  if (!status.failure) {
    json.Null();
    return;
  }
  json.BeginObject().Key("message").String(std::string(status.failure->status.message()));
  json.Key("code").String(absl::StatusCodeToString(status.failure->status.code()));
  json.Key("domain")
      .String(jobmanager::ToString(status.failure->domain))
      .Key("where")
      .String(status.failure->where);
  json.Key("at_ms").Int(status.failure->at_ms).EndObject();
}

void WriteFields(JsonWriter& json, const JobStatus& status) {
  json.Key("id").String(status.id.value).Key("name").String(status.name);
  json.Key("state").String(ToString(status.state)).Key("guarantee").String(status.guarantee);
  json.Key("attempt").Int(status.attempt.value).Key("restarts").Int(status.restarts);
  json.Key("slots_needed")
      .Int(status.slots_needed)
      .Key("waiting_for_slots")
      .Bool(status.waiting_for_slots);
  json.Key("submitted_at_ms").Int(status.submitted_at_ms).Key("ended_at_ms");
  if (status.ended_at_ms == 0) {
    json.Null();
  } else {
    json.Int(status.ended_at_ms);
  }
  json.Key("last_checkpoint");
  if (status.last_checkpoint) {
    Write(json, *status.last_checkpoint);
  } else {
    json.Null();
  }
  json.Key("checkpoints_of_attempt").Int(status.checkpoints_of_attempt);
  json.Key("checkpoints_completed").Int(status.checkpoints_completed);
  json.Key("checkpoints_failed").Int(status.checkpoints_failed);
  WriteFailure(json, status);
  json.Key("tasks").BeginArray();
  for (const auto& task : status.tasks) WriteTask(json, task);
  json.EndArray().Key("unresolved").BeginArray();
  for (const auto& handle : status.pending) {
    json.BeginObject()
        .Key("sink")
        .String(handle.sink)
        .Key("checkpoint")
        .Int(handle.checkpoint.value);
    json.Key("owner_subtask")
        .Int(handle.owner_subtask)
        .Key("deadline_ms")
        .Int(handle.deadline_ms)
        .EndObject();
  }
  json.EndArray().Key("savepoints").BeginArray();
  for (const auto& savepoint : status.savepoints) Write(json, savepoint);
  json.EndArray();
}

}  // namespace

std::string StatusJson(const JobStatus& status) {
  JsonWriter json;
  json.BeginObject();
  WriteFields(json, status);
  json.EndObject();
  return json.text();
}

std::string FollowedJson(const JobStatus& status, const ProgressTotals& totals) {
  JsonWriter json;
  json.BeginObject();
  WriteFields(json, status);
  json.Key("rows_in").Int(totals.rows_in).Key("rows_out").Int(totals.rows_out);
  json.Key("elapsed_ms").Int(totals.elapsed_ms).EndObject();
  return json.text();
}

std::string ListJson(const std::vector<jobmanager::JobSummary>& jobs) {
  JsonWriter json;
  json.BeginArray();
  for (const auto& job : jobs) {
    json.BeginObject().Key("id").String(job.id.value).Key("name").String(job.name);
    json.Key("state").String(ToString(job.state)).Key("attempt").Int(job.attempt.value);
    json.Key("submitted_at_ms").Int(job.submitted_at_ms).Key("ended_at_ms");
    if (job.ended_at_ms == 0) {
      json.Null();
    } else {
      json.Int(job.ended_at_ms);
    }
    json.Key("failure");
    if (job.failure.empty()) {
      json.Null();
    } else {
      json.String(job.failure);
    }
    json.EndObject();
  }
  json.EndArray();
  return json.text();
}

std::string CheckpointJson(const CheckpointInfo& checkpoint) {
  JsonWriter json;
  Write(json, checkpoint);
  return json.text();
}

std::string CheckpointsJson(const std::vector<CheckpointInfo>& checkpoints) {
  JsonWriter json;
  json.BeginArray();
  for (const auto& checkpoint : checkpoints) Write(json, checkpoint);
  json.EndArray();
  return json.text();
}

std::string TransactionsJson(const jobmanager::JobTransactions& transactions) {
  JsonWriter json;
  json.BeginArray();
  for (const auto& one : transactions.transactions) {
    json.BeginObject().Key("id");
    if (one.id.empty()) {
      json.Null();
    } else {
      json.String(one.id);
    }
    json.Key("sink").String(one.sink).Key("subtask").Int(one.subtask);
    json.Key("state").String(ToString(one.state)).Key("checkpoint");
    if (one.state == jobmanager::JobTransaction::State::kOpen) {
      json.Null();
    } else {
      json.Int(one.checkpoint.value);
    }
    json.Key("age_ms");
    if (one.opened_at_ms == 0) {
      json.Null();
    } else {
      json.Int(transactions.at_ms - one.opened_at_ms);
    }
    json.Key("deadline_ms");
    if (one.deadline_ms == 0) {
      json.Null();
    } else {
      json.Int(one.deadline_ms - transactions.at_ms);
    }
    json.Key("records");
    if (one.records < 0) {
      json.Null();
    } else {
      json.Int(one.records);
    }
    json.EndObject();
  }
  json.EndArray();
  return json.text();
}

std::string ClusterJson(const jobmanager::ClusterInfo& cluster) {
  JsonWriter json;
  json.BeginObject().Key("epoch").Int(cluster.epoch.value).Key("build_id").String(cluster.build_id);
  json.Key("checkpoint_storage").String(cluster.checkpoint_storage);
  json.Key("slots").Int(cluster.slots).Key("free_slots").Int(cluster.free_slots);
  json.Key("taskmanagers").BeginArray();
  for (const auto& taskmanager : cluster.taskmanagers) {
    json.BeginObject()
        .Key("name")
        .String(taskmanager.name)
        .Key("address")
        .String(taskmanager.address);
    json.Key("state").String(taskmanager.state).Key("slots").Int(taskmanager.slots);
    json.Key("free_slots").Int(taskmanager.free_slots).Key("build_id").String(taskmanager.build_id);
    json.Key("silent_ms").Int(taskmanager.silent_ms).EndObject();
  }
  json.EndArray().EndObject();
  return json.text();
}

}  // namespace weir::client
