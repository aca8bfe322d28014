#pragma once

#include <cstdint>
#include <filesystem>

#include "core/random.h"
#include "core/result.h"
#include "data/table.h"
#include "data/telco_population.h"

namespace tenure::data {

struct TelcoOptions {
  std::int64_t rows = 7043;
  std::uint64_t seed = 42;
  /// How much of churn no feature explains: standard deviation of a hidden term in the log-odds, 0
  /// to 5. The churn rate stays; the best ROC AUC any model can reach falls: 0 .853, 0.5 .846,
  /// 1 .827, 1.5 .803.
  double noise = 0;
  /// A further last column `true_probability`: churn probability given the features, the best
  /// possible score.
  bool has_true_probability = false;
};

/// Synthetic customers with the columns, marginals, dependencies and churn of the public Telco
/// data set, which may not be redistributed. One customer after another, in constant memory.
class TelcoGenerator {
 public:
  /// Errors: kInvalidArgument for rows outside 1 to kTelcoIdCount or noise outside 0 to 5.
  static core::Result<TelcoGenerator> make(const TelcoOptions& options);

  /// The next customer; `probability` gets the churn probability given the features.
  TelcoCustomer next(double& probability);

 private:
  explicit TelcoGenerator(const TelcoOptions& options);
  core::Random features_;
  core::Random outcomes_;
  TelcoIds ids_;
  double noise_;
  double intercept_shift_;
  bool has_true_probability_;
};

/// The shift of the intercept that keeps the churn rate when a hidden term of this standard
/// deviation is added to the log-odds.
double telco_intercept_shift(double noise);

/// The table: 21 columns as in the public file. TotalCharges is missing where tenure is 0.
/// Deterministic in the options. Errors: as TelcoGenerator::make; kResourceExhausted beyond 100
/// million rows.
core::Result<Table> generate_telco(const TelcoOptions& options);

/// The same as a CSV file like the public one: UTF-8, LF, unquoted, money without trailing zeros,
/// TotalCharges one blank where tenure is 0. Streams, so rows are limited by the disk only; the
/// file appears whole or not at all. Errors: as above; kResourceExhausted, kPermissionDenied.
core::Result<> write_telco_csv(const TelcoOptions& options, const std::filesystem::path& path);

}  // namespace tenure::data
