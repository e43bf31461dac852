#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "jobmanager/metadata/leader_election.h"
#include "tests/simulation/oracle/journal_store.h"

namespace weir::sim {

/// An election whose stores keep the journal, and are wrapped in a known bug. Thread: as the election.
class JournaledElection final : public jobmanager::LeaderElection {
 public:
  using StorePtr = std::unique_ptr<jobmanager::MetadataStore>;
  using Wrap = std::function<StorePtr(StorePtr)>;
  JournaledElection(std::unique_ptr<jobmanager::LeaderElection> inner, Wrap wrap, Journal* journal)
      : inner_(std::move(inner)), wrap_(std::move(wrap)), journal_(journal) {}

  absl::StatusOr<StorePtr> Campaign() override {
    absl::StatusOr<StorePtr> store = inner_->Campaign();
    if (!store.ok()) return store;
    if (wrap_) *store = wrap_(*std::move(store));
    return std::make_unique<JournalStore>(*std::move(store), journal_);
  }
  absl::Status Hold() override { return inner_->Hold(); }
  void Resign() override { inner_->Resign(); }
  void Abandon(absl::Status why) override { inner_->Abandon(std::move(why)); }
  void Stop() override { inner_->Stop(); }
  std::string Leader() const override { return inner_->Leader(); }
  bool has_standbys() const override { return inner_->has_standbys(); }

 private:
  const std::unique_ptr<jobmanager::LeaderElection> inner_;
  const Wrap wrap_;
  Journal* const journal_;
};

}  // namespace weir::sim
