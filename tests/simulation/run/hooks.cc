#include "tests/simulation/run/hooks.h"

#include <iterator>

#include "common/base/buggify.h"
#include "common/base/failpoint.h"
#include "common/base/log/log.h"

namespace weir::sim {
namespace {

Hooks* living = nullptr;

constexpr uint64_t kActiveOf = 4;                      // a site is active in one run of so many, as FoundationDB's are
constexpr uint64_t kFiresOf[] = {4, 16, 64};           // and fires then at one pass of so many
constexpr uint64_t kCrashOf = 3;                   // a crash that is due happens at one hit of so many

}  // namespace

struct HookFunctions {
  static uint64_t Seed() { return living->seeds_.Next(); }

  static void Log(log::Level level, std::string_view message, const log::Fields& fields) {
    Simulation& simulation = *living->simulation_;
    if (!simulation.trace().printing()) {
      simulation.Trace("log", message);
      return;
    }
    std::string text;
    for (const auto& [key, value] : fields) {
      text += std::string(key) + "=" + value + " ";
    }
    simulation.Trace("log", message);
    if (!text.empty()) simulation.trace().Note(text);
  }

  static absl::Status Failpoint(std::string_view name) {
    Simulation& simulation = *living->simulation_;
    const ProcessId process = simulation.current_process();
    if (process == kOutside || living->crash_.empty()) return absl::OkStatus();
    const NodeId node = simulation.node_of(process);
    if (!living->crash_.contains(node) || simulation.rng().Below(kCrashOf) != 0) return absl::OkStatus();
    living->crash_.erase(node);
    ++living->reached_["failpoint " + std::string(name)];
    simulation.Trace("crashes at failpoint", name);
    simulation.Kill(process);
    return absl::OkStatus();
  }

  static bool Buggify(std::string_view name) {
    if (living->calm_) return false;
    auto site = living->sites_of_run_.find(name);
    if (site == living->sites_of_run_.end()) {
      const bool active = living->sites_.Below(kActiveOf) == 0;
      const uint64_t odds = kFiresOf[living->sites_.Below(std::size(kFiresOf))];
      site = living->sites_of_run_.emplace(std::string(name), active ? odds : 0).first;
    }
    if (site->second == 0 || living->sites_.Below(site->second) != 0) return false;
    ++living->reached_["buggify " + std::string(name)];
    living->simulation_->Trace("buggify", name);
    return true;
  }
};

Hooks::Hooks(Simulation* simulation)
    : simulation_(simulation), seeds_(simulation->Stream("seeds")), sites_(simulation->Stream("buggify")) {
  living = this;
  random_seed_hook = HookFunctions::Seed;
  log::hook = HookFunctions::Log;
  failpoint::hook = HookFunctions::Failpoint;
  buggify::hook = HookFunctions::Buggify;
}

Hooks::~Hooks() {
  random_seed_hook = nullptr;
  log::hook = nullptr;
  failpoint::hook = nullptr;
  buggify::hook = nullptr;
  living = nullptr;
}

}  // namespace weir::sim
