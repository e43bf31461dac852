#include "taskmanager/connector/kafka/protocol/client/cluster.h"

#include <algorithm>
#include <optional>

#include "common/base/status_macros.h"

namespace weir::taskmanager::kafka::protocol {
namespace {

constexpr size_t kMostCoordinators = 4096;
constexpr SteadyMicros kPerBroker = 10'000'000;

absl::StatusOr<Endpoint> ParseBroker(const std::string& text) {
  std::optional<Endpoint> endpoint = Endpoint::Parse(text);
  if (!endpoint && text.find(':') == std::string::npos) endpoint = Endpoint::Parse(text + ":9092");
  if (!endpoint) return absl::InvalidArgumentError("brokers: " + text + " is not HOST:PORT");
  return *endpoint;
}

}  // namespace

absl::Status StatusOf(int16_t error, const std::string& what, const std::string& right) {
  const std::string message = absl::StrCat(what, ": ", ErrorName(error));
  switch (error) {
    case kNone: return absl::OkStatus();
    case kTopicAuthorizationFailed:
    case kGroupAuthorizationFailed:
    case kClusterAuthorizationFailed:
    case kTransactionalIdAuthorizationFailed:
      return absl::PermissionDeniedError(absl::StrCat(message, ": this login needs the right ", right));
    case kUnknownTopicOrPartition: return absl::NotFoundError(message);
    case kUnsupportedVersion: return absl::UnimplementedError(message);
    case kInvalidTransactionTimeout:
      return absl::InvalidArgumentError(message + ": it is above the broker's transaction.max.timeout.ms");
    case kUnsupportedSaslMechanism:
    case kIllegalSaslState:
    case kSaslAuthenticationFailed: return absl::UnauthenticatedError(message);
    default: return IsPassing(error) ? absl::UnavailableError(message) : absl::InternalError(message);
  }
}

Cluster::Cluster(const std::vector<std::string>& brokers, Dialer dialer, const Clock* clock, Pause pause)
    : bootstrap_(brokers), clock_(clock), pause_(std::move(pause)), pool_(std::move(dialer), clock) {}

absl::Status Cluster::WithAny(SteadyMicros deadline, const std::function<absl::Status(BrokerConnection&)>& use) {
  std::vector<Endpoint> candidates;
  {
    const std::lock_guard lock(mutex_);
    candidates = known_;
  }
  for (const std::string& text : bootstrap_) {
    ASSIGN_OR_RETURN(Endpoint endpoint, ParseBroker(text));
    if (std::find(candidates.begin(), candidates.end(), endpoint) == candidates.end()) {
      candidates.push_back(std::move(endpoint));
    }
  }
  absl::Status last = absl::InvalidArgumentError("brokers: there are none");
  for (size_t i = 0; i < candidates.size(); ++i) {
    // One that swallows what it is sent must not take the time of the others.
    const SteadyMicros now = clock_->Steady();
    const SteadyMicros share = i + 1 == candidates.size() ? deadline : std::min(deadline, now + kPerBroker / 2);
    absl::Status status = pool_.With(candidates[i], share, use);
    if (status.ok()) {
      const std::lock_guard lock(mutex_);  // the next caller begins with the one that answers
      const auto at = std::find(known_.begin(), known_.end(), candidates[i]);
      if (at != known_.end()) std::iter_swap(known_.begin(), at);
      return status;
    }
    if (!IsPassing(status)) return status;
    last = std::move(status);
  }
  if (candidates.size() < 2) return last;
  return Annotate(last, absl::StrCat("none of ", candidates.size(), " brokers answers, the last one"));
}

absl::StatusOr<MetadataResponse> Cluster::Metadata(const std::vector<std::string>& topics, SteadyMicros deadline) {
  MetadataRequest request;
  request.topics = topics;
  ASSIGN_OR_RETURN(MetadataResponse response, CallAny(request, deadline));
  std::vector<Endpoint> known;
  for (const MetadataResponse::Broker& broker : response.brokers) known.push_back({broker.host, broker.port});
  const std::lock_guard lock(mutex_);
  known_ = std::move(known);
  return response;
}

absl::StatusOr<Endpoint> Cluster::CoordinatorOf(FindCoordinatorRequest::Type type, const std::string& key,
                                                SteadyMicros deadline) {
  {
    const std::lock_guard lock(mutex_);
    const auto at = coordinators_.find({type, key});
    if (at != coordinators_.end()) return at->second;
  }
  FindCoordinatorRequest request;
  request.key = key;
  request.type = type;
  ASSIGN_OR_RETURN(const FindCoordinatorResponse response, CallAny(request, deadline));
  RETURN_IF_ERROR(StatusOf(response.error, "FindCoordinator",
                           type == FindCoordinatorRequest::kGroup ? "DESCRIBE on group " + key
                                                                  : "DESCRIBE on transactional id " + key));
  Endpoint endpoint{response.host, response.port};
  const std::lock_guard lock(mutex_);
  if (coordinators_.size() >= kMostCoordinators) coordinators_.clear();
  coordinators_[{type, key}] = endpoint;
  return endpoint;
}

void Cluster::ForgetCoordinator(FindCoordinatorRequest::Type type, const std::string& key) {
  const std::lock_guard lock(mutex_);
  coordinators_.erase({type, key});
}

}  // namespace weir::taskmanager::kafka::protocol
