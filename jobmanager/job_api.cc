#include "jobmanager/job_api.h"

namespace weir::jobmanager {

const char* ToString(JobTransaction::State state) {
  switch (state) {
    case JobTransaction::State::kOpen:
      return "OPEN";
    case JobTransaction::State::kSealed:
      return "SEALED";
    case JobTransaction::State::kPrepared:
      return "PREPARED";
    case JobTransaction::State::kCommitting:
      return "COMMITTING";
    case JobTransaction::State::kUnresolved:
      return "UNRESOLVED";
  }
  return "UNKNOWN";
}

const char* ToString(JobState state) {
  switch (state) {
    case JobState::kCreated:
      return "CREATED";
    case JobState::kDeploying:
      return "DEPLOYING";
    case JobState::kRunning:
      return "RUNNING";
    case JobState::kRestarting:
      return "RESTARTING";
    case JobState::kStopping:
      return "STOPPING";
    case JobState::kFinished:
      return "FINISHED";
    case JobState::kStopped:
      return "STOPPED";
    case JobState::kCancelled:
      return "CANCELLED";
    case JobState::kFailed:
      return "FAILED";
  }
  return "UNKNOWN";
}

const char* ToString(control::SubtaskState state) {
  switch (state) {
    case control::SubtaskState::kDeploying:
      return "DEPLOYING";
    case control::SubtaskState::kRestored:
      return "RESTORED";
    case control::SubtaskState::kRunning:
      return "RUNNING";
    case control::SubtaskState::kEnded:
      return "ENDED";
    case control::SubtaskState::kFailed:
      return "FAILED";
    case control::SubtaskState::kCancelled:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

const char* ToString(control::FailureDomain domain) {
  switch (domain) {
    case control::FailureDomain::kInternal:
      return "internal";
    case control::FailureDomain::kUser:
      return "user";
    case control::FailureDomain::kExternal:
      return "external";
  }
  return "unknown";
}

}  // namespace weir::jobmanager
