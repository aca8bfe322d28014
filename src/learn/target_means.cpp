#include "learn/target_means.h"

#include <algorithm>
#include <array>

#include "core/random.h"

namespace tenure::learn {
namespace {

constexpr std::uint32_t kParts = 5;
/// Weakest and strongest pull, in rows. A pull of none would let a category of one row be 0 or 1.
constexpr double kPullMin = 1;
constexpr double kPullMax = 1e6;

/// Rows and positives of each code, of missing values, and of all rows.
struct Counts {
  struct Group {
    std::int64_t rows = 0, positives = 0;

    Group operator-(const Group& other) const {
      return {.rows = rows - other.rows, .positives = positives - other.positives};
    }
    void add(std::uint8_t label) {
      ++rows;
      positives += label;
    }
    double share() const {
      return rows == 0 ? 0 : static_cast<double>(positives) / static_cast<double>(rows);
    }
  };
  std::vector<Group> of_code;
  Group missing, all;

  explicit Counts(std::size_t categories) : of_code(categories) {}

  void add(std::uint32_t code, std::uint8_t label) {
    all.add(label);
    if (code < of_code.size()) of_code[code].add(label);
    if (code == TargetMeans::kMissing) missing.add(label);
  }
  Counts without(const Counts& part) const {
    Counts rest(of_code.size());
    for (std::size_t i = 0; i < of_code.size(); ++i) rest.of_code[i] = of_code[i] - part.of_code[i];
    rest.missing = missing - part.missing;
    rest.all = all - part.all;
    return rest;
  }
};

/// One-way analysis of variance over the categories that have rows.
double pull_of(const Counts& counts) {
  double rows = 0, squared_rows = 0, positives = 0, groups = 0;
  for (const Counts::Group& group : counts.of_code) {
    const auto n = static_cast<double>(group.rows);
    rows += n;
    squared_rows += n * n;
    positives += static_cast<double>(group.positives);
    groups += n > 0 ? 1 : 0;
  }
  if (groups < 2 || rows <= groups) return kPullMax;
  const double mean = positives / rows;
  double between = 0, within = 0;
  for (const Counts::Group& group : counts.of_code) {
    const auto n = static_cast<double>(group.rows);
    const double share = group.share();
    between += n * (share - mean) * (share - mean);
    within += n * share * (1 - share);
  }
  const double noise = within / (rows - groups);
  const double signal = (between - (groups - 1) * noise) / (rows - squared_rows / rows);
  if (signal * kPullMax <= noise) return kPullMax;
  return std::max(kPullMin, noise / signal);
}

TargetMeans means_of(const Counts& counts, std::optional<double> given) {
  TargetMeans means;
  means.prior = counts.all.share();
  const double pull = given ? *given : pull_of(counts);
  const auto mean_of = [&](const Counts::Group& group) {
    return (static_cast<double>(group.positives) + pull * means.prior) /
           (static_cast<double>(group.rows) + pull);
  };
  means.means.reserve(counts.of_code.size());
  for (const Counts::Group& group : counts.of_code) means.means.push_back(mean_of(group));
  means.missing = counts.missing.rows == 0 ? means.prior : mean_of(counts.missing);
  return means;
}

}  // namespace

TargetMeans fit_target_means(std::span<const std::uint32_t> codes, std::size_t categories,
                             std::span<const std::uint8_t> labels, std::optional<double> pull) {
  Counts counts(categories);
  for (std::size_t row = 0; row < codes.size(); ++row) counts.add(codes[row], labels[row]);
  return means_of(counts, pull);
}

std::vector<std::uint32_t> target_mean_parts(std::span<const std::uint8_t> labels,
                                             std::uint64_t seed) {
  std::array<std::vector<std::uint32_t>, 2> rows_of_class;
  for (std::size_t row = 0; row < labels.size(); ++row)
    rows_of_class[labels[row] != 0 ? 1 : 0].push_back(static_cast<std::uint32_t>(row));
  // Not the folds of stratified_folds(): a class of fewer rows than parts is no error here.
  core::Random random(seed);
  std::vector<std::uint32_t> parts(labels.size());
  std::uint32_t dealt = 0;
  for (auto& rows : rows_of_class) {
    random.shuffle(std::span(rows));
    for (const std::uint32_t row : rows) parts[row] = dealt++ % kParts;
  }
  return parts;
}

std::vector<double> means_out_of_fold(std::span<const std::uint32_t> codes, std::size_t categories,
                                      std::span<const std::uint8_t> labels,
                                      std::span<const std::uint32_t> parts,
                                      std::optional<double> pull) {
  std::vector<Counts> of_part(kParts, Counts(categories));
  Counts all(categories);
  for (std::size_t row = 0; row < codes.size(); ++row) {
    all.add(codes[row], labels[row]);
    of_part[parts[row]].add(codes[row], labels[row]);
  }
  std::vector<TargetMeans> means;
  for (const Counts& part : of_part) means.push_back(means_of(all.without(part), pull));
  std::vector<double> out(codes.size());
  for (std::size_t row = 0; row < codes.size(); ++row) out[row] = means[parts[row]].of(codes[row]);
  return out;
}

}  // namespace tenure::learn
