#include "taskmanager/connector/print/print_sink.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace weir::taskmanager::print {

absl::Status PrintSink::Write(const batch::Batch& batch) {
  // A write to a pipe may be cut in two: without the lock another subtask's lines could come in between.
  static std::mutex stream_mutex;
  lines_.clear();
  encoder_->Append(batch, &lines_);
  std::lock_guard<std::mutex> lock(stream_mutex);
  for (size_t written = 0; written < lines_.size();) {
    const ssize_t n = ::write(fd_, lines_.data() + written, lines_.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::UnavailableError(absl::StrCat("cannot print: ", std::strerror(errno)));
    written += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

void Register(ConnectorRegistry* registry) {
  registry->sinks["print"] = [](const SinkContext& context) -> absl::StatusOr<std::unique_ptr<TwoPhaseCommitSink>> {
    job::Format format = context.node->format;
    format.type = job::FormatType::kJson;
    ASSIGN_OR_RETURN(auto encoder, MakeEncoder(format, context.schema));
    return std::make_unique<PrintSink>(std::move(encoder), STDOUT_FILENO);
  };
}

}  // namespace weir::taskmanager::print
