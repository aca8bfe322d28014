#include "core/metric.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::core {
namespace {

enum class MetricType { kCounter, kGauge, kHistogram };

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      break;
  }
  return "histogram";
}

bool is_valid_name(std::string_view name, bool may_have_colon) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (may_have_colon && c == ':');
  });
}

void append_escaped(std::string& out, std::string_view text, bool is_quoted) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && is_quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// As Go's ParseFloat reads it.
std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string label_pairs(const std::vector<MetricRegistry::Label>& labels) {
  std::string out;
  for (const auto& label : labels) {
    if (!out.empty()) out += ',';
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
  }
  return out;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix,
                   std::string_view pairs, std::string_view value) {
  out += name;
  out += suffix;
  if (!pairs.empty()) {
    out += '{';
    out += pairs;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, const std::string& pairs,
                      const Histogram& histogram) {
  const auto counts = histogram.counts();
  const auto bounds = histogram.bounds();
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? number_text(bounds[i]) : "+Inf";
    append_sample(out, name, "_bucket",
                  fmt::format("{}{}le=\"{}\"", pairs, pairs.empty() ? "" : ",", bound),
                  fmt::format("{}", total));
  }
  append_sample(out, name, "_sum", pairs, number_text(histogram.sum()));
  // The same total as the last bucket, even while others observe.
  append_sample(out, name, "_count", pairs, fmt::format("{}", total));
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  TENURE_ASSERT(std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) ==
                bounds_.end());
}

void Histogram::observe(double value) {
  // Not a number: in no bucket, and it would spoil the sum for good.
  if (std::isnan(value)) return;
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1,
                                                                       std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> counts(bounds_.size() + 1);
  for (std::size_t i = 0; i < counts.size(); ++i)
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  return counts;
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const std::uint64_t n : counts()) total += n;
  return total;
}

std::vector<double> latency_bounds_s() {
  return {1e-5,  2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01,
          0.025, 0.05,   0.1,  0.25, 0.5,    1,    2.5,  5,      10};
}

struct MetricRegistry::Family {
  struct Series {
    std::string pairs;  ///< the labels as they are printed
    Counter counter;
    Gauge gauge;
    std::unique_ptr<Histogram> histogram;
  };
  std::string name;
  std::string help;
  MetricType type;
  std::deque<Series> series;

  Series& find_or_add(const std::vector<Label>& labels) {
    for (const Label& label : labels) TENURE_ASSERT(is_valid_name(label.name, false));
    std::string pairs = label_pairs(labels);
    for (Series& known : series)
      if (known.pairs == pairs) return known;
    Series& added = series.emplace_back();
    added.pairs = std::move(pairs);
    return added;
  }

  /// The family of a name; a name keeps its type for good.
  static Family& find_or_add(std::deque<std::unique_ptr<Family>>& families, std::string_view name,
                             std::string_view help, MetricType type) {
    for (const auto& family : families) {
      if (family->name != name) continue;
      TENURE_ASSERT(family->type == type);
      return *family;
    }
    TENURE_ASSERT(is_valid_name(name, true));
    auto family = std::make_unique<Family>();
    family->name = name;
    family->help = help;
    family->type = type;
    return *families.emplace_back(std::move(family));
  }
};

MetricRegistry::MetricRegistry() = default;
MetricRegistry::~MetricRegistry() = default;

Counter& MetricRegistry::counter(std::string_view name, std::string_view help,
                                 const std::vector<Label>& labels) {
  const std::lock_guard lock(mutex_);
  return Family::find_or_add(families_, name, help, MetricType::kCounter)
      .find_or_add(labels)
      .counter;
}

Gauge& MetricRegistry::gauge(std::string_view name, std::string_view help,
                             const std::vector<Label>& labels) {
  const std::lock_guard lock(mutex_);
  return Family::find_or_add(families_, name, help, MetricType::kGauge).find_or_add(labels).gauge;
}

Histogram& MetricRegistry::histogram(std::string_view name, std::string_view help,
                                     std::vector<double> bounds, const std::vector<Label>& labels) {
  const std::lock_guard lock(mutex_);
  auto& series =
      Family::find_or_add(families_, name, help, MetricType::kHistogram).find_or_add(labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *series.histogram;
}

std::string MetricRegistry::prometheus_text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& family : families_) {
    out += fmt::format("# HELP {} ", family->name);
    append_escaped(out, family->help, false);
    out += fmt::format("\n# TYPE {} {}\n", family->name, type_name(family->type));
    for (const Family::Series& series : family->series) {
      if (family->type == MetricType::kHistogram) {
        append_histogram(out, family->name, series.pairs, *series.histogram);
      } else {
        append_sample(out, family->name, "", series.pairs,
                      family->type == MetricType::kCounter
                          ? fmt::format("{}", series.counter.value())
                          : number_text(series.gauge.value()));
      }
    }
  }
  return out;
}

}  // namespace tenure::core
