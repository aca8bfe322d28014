#include "core/metric.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/assert.h"

namespace tenure::core {
namespace {

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_escaped(std::string& out, std::string_view text, bool with_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && with_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// `a="1",b="2"`, without braces: histograms add one more.
std::string label_text(const std::vector<MetricRegistry::Label>& labels) {
  std::string out;
  for (const MetricRegistry::Label& label : labels) {
    if (!out.empty()) out += ',';
    out += label.name;
    out += "=\"";
    append_escaped(out, label.value, true);
    out += '"';
  }
  return out;
}

void append_sample(std::string& out, std::string_view name, std::string_view labels,
                   std::string_view value) {
  out += name;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {
  TENURE_ASSERT(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::observe(double value) {
  // NaN compares false with every bound and lands in the first bucket a search finds: count it
  // last.
  const auto bucket =
      std::isnan(value)
          ? bounds_.size()
          : static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) -
                                     bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out(bounds_.size() + 1);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = counts_[i].load(std::memory_order_relaxed);
  }
  return out;
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const std::uint64_t n : counts()) total += n;
  return total;
}

std::vector<double> latency_bounds_s() {
  return {1e-5,   2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2,
          2.5e-2, 5e-2,   0.1,  0.25, 0.5,    1,    2.5,  5,      10};
}

struct MetricRegistry::Family {
  enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };
  struct Series {
    std::string labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Gauge> gauge;
    std::unique_ptr<Histogram> histogram;
  };
  std::string name;
  std::string help;
  Type type;
  std::deque<Series> series;

  void append_to(std::string& out) const {
    constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
    out += "# HELP " + name + ' ';
    append_escaped(out, help, false);
    out += fmt::format("\n# TYPE {} {}\n", name, kTypes[static_cast<std::size_t>(type)]);
    for (const Series& one : series) {
      if (one.counter) append_sample(out, name, one.labels, fmt::to_string(one.counter->value()));
      if (one.gauge) append_sample(out, name, one.labels, number_text(one.gauge->value()));
      if (one.histogram) append_histogram(out, one);
    }
  }

  void append_histogram(std::string& out, const Series& one) const {
    const Histogram& histogram = *one.histogram;
    const std::vector<std::uint64_t> counts = histogram.counts();
    const std::string comma = one.labels.empty() ? "" : ",";
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      below += counts[i];
      const double bound = i < histogram.bounds().size() ? histogram.bounds()[i]
                                                         : std::numeric_limits<double>::infinity();
      append_sample(out, name + "_bucket",
                    fmt::format("{}{}le=\"{}\"", one.labels, comma, number_text(bound)),
                    fmt::to_string(below));
    }
    append_sample(out, name + "_sum", one.labels, number_text(histogram.sum()));
    append_sample(out, name + "_count", one.labels, fmt::to_string(below));
  }

  Series& find_or_add(const std::vector<Label>& labels) {
    const std::string text = label_text(labels);
    for (Series& one : series) {
      if (one.labels == text) return one;
    }
    series.push_back({text, nullptr, nullptr, nullptr});
    return series.back();
  }

  static Family& find(std::deque<std::unique_ptr<Family>>& families, std::string_view name,
                      std::string_view help, Type type) {
    for (const auto& family : families) {
      if (family->name != name) continue;
      TENURE_ASSERT(family->type == type);
      return *family;
    }
    families.push_back(std::make_unique<Family>(
        Family{std::string(name), std::string(help), type, std::deque<Series>()}));
    return *families.back();
  }
};

MetricRegistry::MetricRegistry() = default;
MetricRegistry::~MetricRegistry() = default;

Counter& MetricRegistry::counter(std::string_view name, std::string_view help,
                                 std::vector<Label> labels) {
  const std::lock_guard lock(mutex_);
  auto& series = Family::find(families_, name, help, Family::Type::kCounter).find_or_add(labels);
  if (!series.counter) series.counter = std::make_unique<Counter>();
  return *series.counter;
}

Gauge& MetricRegistry::gauge(std::string_view name, std::string_view help,
                             std::vector<Label> labels) {
  const std::lock_guard lock(mutex_);
  auto& series = Family::find(families_, name, help, Family::Type::kGauge).find_or_add(labels);
  if (!series.gauge) series.gauge = std::make_unique<Gauge>();
  return *series.gauge;
}

Histogram& MetricRegistry::histogram(std::string_view name, std::string_view help,
                                     std::vector<double> bounds, std::vector<Label> labels) {
  const std::lock_guard lock(mutex_);
  auto& series = Family::find(families_, name, help, Family::Type::kHistogram).find_or_add(labels);
  if (!series.histogram) series.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *series.histogram;
}

std::string MetricRegistry::prometheus_text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& family : families_) family->append_to(out);
  return out;
}

}  // namespace tenure::core
