#include "common/metrics/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/base/check.h"

namespace weir::metrics {
namespace {

void AppendEscaped(const std::string& text, bool quotes, std::string* out) {
  for (char c : text) {
    if (c == '\\') {
      out->append("\\\\");
    } else if (c == '\n') {
      out->append("\\n");
    } else if (c == '"' && quotes) {
      out->append("\\\"");
    } else {
      out->push_back(c);
    }
  }
}

std::string Render(Labels labels) {
  if (labels.empty()) return "";
  std::sort(labels.begin(), labels.end());
  std::string out = "{";
  for (const auto& [name, value] : labels) {
    if (out.size() > 1) out.push_back(',');
    out.append(name).append("=\"");
    AppendEscaped(value, true, &out);
    out.push_back('"');
  }
  out.push_back('}');
  return out;
}

std::string Number(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  char buffer[40];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), v).ptr};
}

/// Removes the series that nobody holds any more.
template <typename Series>
void DropDead(Series* series) {
  std::erase_if(*series, [](const auto& entry) { return entry.second.expired(); });
}

template <typename Metric>
std::shared_ptr<Metric> FindOrMake(std::map<std::string, std::weak_ptr<Metric>>* series,
                                   Labels labels) {
  std::weak_ptr<Metric>& place = (*series)[Render(std::move(labels))];
  std::shared_ptr<Metric> metric = place.lock();
  if (!metric) place = metric = std::make_shared<Metric>();
  return metric;
}

}  // namespace

struct Registry::Collector {
  std::mutex mutex;
  std::function<void()> collect;
};

Registry::Family& Registry::FamilyOf(const std::string& name, const std::string& help,
                                     bool counter) {
  auto [it, inserted] = families_.try_emplace(name);
  if (inserted) {
    it->second.counter = counter;
    it->second.help = help;
  }
  WEIR_CHECK(it->second.counter == counter);
  return it->second;
}

std::shared_ptr<Counter> Registry::GetCounter(const std::string& name, const std::string& help,
                                              Labels labels) {
  std::lock_guard lock(mutex_);
  return FindOrMake(&FamilyOf(name, help, true).counters, std::move(labels));
}

std::shared_ptr<Gauge> Registry::GetGauge(const std::string& name, const std::string& help,
                                          Labels labels) {
  std::lock_guard lock(mutex_);
  return FindOrMake(&FamilyOf(name, help, false).gauges, std::move(labels));
}

std::shared_ptr<void> Registry::OnCollect(std::function<void()> collect) {
  auto collector = std::make_shared<Collector>();
  collector->collect = std::move(collect);
  std::lock_guard lock(mutex_);
  std::erase_if(collectors_, [](const auto& old) { return old.expired(); });
  collectors_.push_back(collector);
  // The handle empties the function under its lock: Text() may hold the collector a little longer.
  return std::shared_ptr<void>(collector.get(), [collector](void*) {
    std::lock_guard own(collector->mutex);
    collector->collect = nullptr;
  });
}

std::string Registry::Text() {
  std::vector<std::shared_ptr<Collector>> collectors;
  {
    std::lock_guard lock(mutex_);
    for (const auto& weak : collectors_) {
      if (auto collector = weak.lock()) collectors.push_back(std::move(collector));
    }
  }
  for (const auto& collector : collectors) {
    std::lock_guard lock(collector->mutex);
    if (collector->collect) collector->collect();
  }

  std::lock_guard lock(mutex_);
  std::string out;
  for (auto& [name, family] : families_) {
    DropDead(&family.counters);
    DropDead(&family.gauges);
    if (family.counters.empty() && family.gauges.empty()) continue;
    out.append("# HELP ").append(name).push_back(' ');
    AppendEscaped(family.help, false, &out);
    out.append("\n# TYPE ").append(name).append(family.counter ? " counter\n" : " gauge\n");
    for (const auto& [labels, weak] : family.counters) {
      if (auto counter = weak.lock()) {
        out.append(name)
            .append(labels)
            .append(" ")
            .append(std::to_string(counter->value()))
            .push_back('\n');
      }
    }
    for (const auto& [labels, weak] : family.gauges) {
      if (auto gauge = weak.lock()) {
        out.append(name).append(labels).append(" ").append(Number(gauge->value())).push_back('\n');
      }
    }
  }
  return out;
}

}  // namespace weir::metrics
