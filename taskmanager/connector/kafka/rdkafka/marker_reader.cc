#include "taskmanager/connector/kafka/rdkafka/marker_reader.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "taskmanager/connector/kafka/rdkafka/client_config.h"
#include "taskmanager/connector/kafka/rdkafka/kafka_error.h"

namespace weir::taskmanager::kafka {
namespace {

class MarkerReader final : public TransactionCoordinator {
 public:
  MarkerReader(ConnectionOptions connection, const Clock* clock) : connection_(std::move(connection)), clock_(clock) {}

  absl::StatusOr<std::optional<Marker>> ReadMarker(const std::string& transactional_id, const std::string& topic,
                                                   int32_t partition, bool stable, int64_t deadline) override {
    ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(connection_, "marker reader"));
    RETURN_IF_ERROR(conf.Set("group.id", transactional_id));
    RETURN_IF_ERROR(conf.Set("enable.auto.commit", "false"));
    // read_committed makes librdkafka ask for stable offsets.
    RETURN_IF_ERROR(conf.Set("isolation.level", stable ? "read_committed" : "read_uncommitted"));
    ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Create(std::move(conf), Client::Kind::kConsumer));
    PartitionList list = NewPartitionList(1);
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
    const std::string doing = absl::StrCat("the marker of transaction ", transactional_id);
    RETURN_IF_ERROR(client->Explain(KafkaError(rd_kafka_committed(client->get(), list.get(), LeftMs(deadline)), doing)));
    const rd_kafka_topic_partition_t& found = list->elems[0];
    RETURN_IF_ERROR(client->Explain(KafkaError(found.err, doing)));
    if (found.offset < 0) return std::optional<Marker>();
    Marker marker;
    marker.checkpoint = CheckpointId{found.offset};
    marker.metadata.assign(static_cast<const char*>(found.metadata), found.metadata_size);
    return std::optional<Marker>(std::move(marker));
  }

  absl::StatusOr<std::string> ClusterId(int64_t deadline) override {
    ASSIGN_OR_RETURN(ClientConf conf, ClientConf::Make(connection_, "marker reader"));
    ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Create(std::move(conf), Client::Kind::kProducer));
    char* const id = rd_kafka_clusterid(client->get(), LeftMs(deadline));
    if (id == nullptr) return client->Explain(absl::UnavailableError("no broker says which cluster it belongs to"));
    std::string copy = id;
    rd_kafka_mem_free(client->get(), id);
    return copy;
  }

  absl::StatusOr<bool> Supported(int64_t) override { return false; }
  absl::StatusOr<EndOutcome> Commit(const std::string&, const ProducerIdentity&, int64_t) override { return Lacks(); }
  absl::StatusOr<ProducerIdentity> Fence(const std::string&, int64_t, int64_t) override { return Lacks(); }
  absl::StatusOr<std::optional<TransactionDescription>> Describe(const std::string&, int64_t) override {
    return Lacks();
  }
  absl::StatusOr<std::vector<ListedTransaction>> ListOngoing(const std::string&, int64_t) override { return Lacks(); }
  absl::StatusOr<std::string> TopicId(const std::string&, int64_t) override { return Lacks(); }

 private:
  static absl::Status Lacks() { return absl::UnimplementedError("librdkafka has no such request"); }
  int LeftMs(int64_t deadline) const {
    return static_cast<int>(std::clamp<int64_t>((deadline - clock_->Steady()) / 1000, 1, 3'600'000));
  }

  const ConnectionOptions connection_;
  const Clock* const clock_;
};

}  // namespace

std::unique_ptr<TransactionCoordinator> MakeMarkerReader(const ConnectionOptions& connection, const Clock* clock) {
  return std::make_unique<MarkerReader>(connection, clock);
}

}  // namespace weir::taskmanager::kafka
