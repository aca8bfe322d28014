#include "data/telco_generator.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "core/file.h"
#include "data/telco_columns.h"

namespace tenure::data {
namespace {

constexpr double kNoiseMax = 5;
constexpr std::int64_t kTableRowsMax = 100'000'000;
// Customers who signed up this month and have had no invoice: .16 % of all, on long contracts only,
// which 45 % have.
constexpr double kUnbilledShare = 0.0016 / 0.4498;
constexpr std::uint64_t kOutcomeStream = 0x6f7574636f6d6573;  // "outcomes"
constexpr std::uint64_t kIdStream = 0x6964656e74697479;       // "identity"
constexpr int kShiftSample = 20'000;
constexpr std::uint64_t kShiftSeed = 1;
constexpr std::size_t kCsvBuffer = 1 << 20;

/// Trapezoid rule for a standard normal variable; exact to double precision for smooth functions.
struct NormalNodes {
  static constexpr std::size_t kCount = 61;
  std::array<double, kCount> z;
  std::array<double, kCount> weight;

  NormalNodes() {
    double total = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      z[i] = -7.5 + 0.25 * static_cast<double>(i);
      weight[i] = std::exp(-0.5 * z[i] * z[i]);
      total += weight[i];
    }
    for (double& w : weight) w /= total;
  }
};

/// Mean of logistic(eta + noise * z) over standard normal z, and its derivative by eta.
struct MeanProbability {
  double value = 0;
  double slope = 0;
};
MeanProbability mean_probability(const NormalNodes& nodes, double eta, double noise) {
  MeanProbability mean;
  for (std::size_t i = 0; i < NormalNodes::kCount; ++i) {
    const double p = logistic(eta + noise * nodes.z[i]);
    mean.value += nodes.weight[i] * p;
    mean.slope += nodes.weight[i] * p * (1 - p);
  }
  return mean;
}

/// A file under a temporary name until commit(), which makes it durable and gives it its name.
class CsvFile {
 public:
  static core::Result<CsvFile> create(const std::filesystem::path& path) {
    if (path.has_parent_path()) {
      if (auto made = core::make_directories(path.parent_path()); !made) {
        return std::move(made).error();
      }
    }
    std::filesystem::path temporary = core::unfinished_path(path);
    Handle handle(std::fopen(temporary.c_str(), "wb"));
    if (!handle) return core::system_error(errno, "cannot create", path);
    return CsvFile(path, std::move(temporary), std::move(handle));
  }
  ~CsvFile() {
    if (!handle_) return;
    handle_.reset();
    std::error_code ignored;
    std::filesystem::remove(temporary_, ignored);
  }
  CsvFile(CsvFile&&) = default;
  CsvFile& operator=(CsvFile&&) = delete;

  core::Result<> write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), handle_.get()) != text.size()) {
      return core::system_error(errno, "cannot write", path_);
    }
    return {};
  }

  core::Result<> commit() {
    if (std::fflush(handle_.get()) != 0 || ::fsync(::fileno(handle_.get())) != 0) {
      return core::system_error(errno, "cannot write", path_);
    }
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
      return core::system_error(errno, "cannot write", path_);
    }
    handle_.reset();
    return core::sync_directory(path_.has_parent_path() ? path_.parent_path() : ".");
  }

 private:
  struct Close {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the owner
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using Handle = std::unique_ptr<std::FILE, Close>;
  CsvFile(std::filesystem::path path, std::filesystem::path temporary, Handle handle)
      : path_(std::move(path)), temporary_(std::move(temporary)), handle_(std::move(handle)) {}

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Handle handle_;
};

void append_number(std::string& out, double value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// "29.85", "1889.5", "84": no trailing zeros.
void append_money(std::string& out, std::int64_t cents) {
  out += std::to_string(cents / 100);
  const std::int64_t rest = cents % 100;
  if (rest == 0) return;
  out += '.';
  out += static_cast<char>('0' + rest / 10);
  if (rest % 10 != 0) out += static_cast<char>('0' + rest % 10);
}

void append_csv_row(std::string& out, const TelcoCustomer& customer) {
  out += customer.id;
  for (const TelcoField& field : telco_fields()) {
    out += ',';
    const std::int64_t value = field.value(customer);
    if (field.type == ColumnType::kText) {
      out += field.words[static_cast<std::size_t>(value)];
    } else if (field.type == ColumnType::kInteger) {
      out += std::to_string(value);
    } else if (value == TelcoField::kMissing) {
      out += ' ';
    } else {
      append_money(out, value);
    }
  }
  out += customer.is_churned ? ",Yes" : ",No";
}

}  // namespace

double telco_intercept_shift(double noise) {
  if (noise == 0) return 0;
  core::Random random(kShiftSeed);
  std::vector<double> etas;
  double target = 0;
  for (int i = 0; i < kShiftSample; ++i) {
    etas.push_back(telco_churn_logit(draw_telco_customer(random)));
    target += logistic(etas.back());
  }
  // Newton's method; the mean is smooth and increasing in the shift.
  const NormalNodes nodes;
  double shift = 0;
  for (int round = 0; round < 8; ++round) {
    double sum = 0;
    double slope = 0;
    for (const double eta : etas) {
      const MeanProbability mean = mean_probability(nodes, eta + shift, noise);
      sum += mean.value;
      slope += mean.slope;
    }
    const double step = (target - sum) / slope;
    shift += step;
    if (std::abs(step) < 1e-9) break;
  }
  return shift;
}

core::Result<TelcoGenerator> TelcoGenerator::make(const TelcoOptions& options) {
  if (options.rows < 1 || static_cast<std::uint64_t>(options.rows) > kTelcoIdCount) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("cannot generate {} customers: the number must be 1 to {}",
                                   options.rows, kTelcoIdCount)};
  }
  if (!(options.noise >= 0 && options.noise <= kNoiseMax)) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("the noise of generated customers is {}, but must be 0 to {}",
                                   options.noise, kNoiseMax)};
  }
  return TelcoGenerator(options);
}

TelcoGenerator::TelcoGenerator(const TelcoOptions& options)
    : features_(options.seed),
      outcomes_(options.seed ^ kOutcomeStream),
      ids_(options.seed ^ kIdStream),
      noise_(options.noise),
      intercept_shift_(telco_intercept_shift(options.noise)),
      has_true_probability_(options.has_true_probability) {}

TelcoCustomer TelcoGenerator::next(double& probability) {
  TelcoCustomer customer = draw_telco_customer(features_);
  customer.id = ids_.next();
  const double eta = telco_churn_logit(customer) + intercept_shift_;
  const double hidden = noise_ > 0 ? noise_ * outcomes_.normal() : 0.0;
  customer.is_churned = outcomes_.bernoulli(logistic(eta + hidden));
  if (has_true_probability_) {
    static const NormalNodes nodes;
    probability = noise_ > 0 ? mean_probability(nodes, eta, noise_).value : logistic(eta);
  }
  if (customer.contract != TelcoContract::kMonth && outcomes_.bernoulli(kUnbilledShare)) {
    customer.tenure = 0;
    customer.total_cents = 0;
    customer.is_churned = false;
    probability = 0;
  }
  return customer;
}

core::Result<Table> generate_telco(const TelcoOptions& options) {
  auto generator = TelcoGenerator::make(options);
  if (!generator) return std::move(generator).error();
  if (options.rows > kTableRowsMax) {
    return core::Error{core::ErrorCode::kResourceExhausted,
                       fmt::format("a table in memory holds at most {} customers; write {} to a "
                                   "file instead",
                                   kTableRowsMax, options.rows)};
  }
  std::vector<std::string> ids;
  std::vector<std::uint32_t> id_codes;
  std::vector<std::uint32_t> churn;
  std::vector<double> probabilities;
  TelcoColumns features;
  for (std::int64_t row = 0; row < options.rows; ++row) {
    double probability = 0;
    TelcoCustomer customer = generator->next(probability);
    features.append(customer);
    churn.push_back(customer.is_churned ? 1 : 0);
    if (options.has_true_probability) probabilities.push_back(probability);
    id_codes.push_back(static_cast<std::uint32_t>(ids.size()));
    ids.push_back(std::move(customer.id));
  }
  Table table;
  table.columns.push_back(coded_column("customerID", std::move(id_codes), std::move(ids)));
  for (Column& column : std::move(features).finish()) table.columns.push_back(std::move(column));
  table.columns.push_back(coded_column("Churn", std::move(churn), {"No", "Yes"}));
  if (options.has_true_probability) {
    Column column;
    column.name = "true_probability";
    column.values = std::move(probabilities);
    table.columns.push_back(std::move(column));
  }
  return table;
}

core::Result<> write_telco_csv(const TelcoOptions& options, const std::filesystem::path& path) {
  auto generator = TelcoGenerator::make(options);
  if (!generator) return std::move(generator).error();
  auto file = CsvFile::create(path);
  if (!file) return std::move(file).error();

  std::string text = "customerID";
  for (const TelcoField& field : telco_fields()) text.append(",").append(field.name);
  text += options.has_true_probability ? ",Churn,true_probability\n" : ",Churn\n";
  for (std::int64_t row = 0; row < options.rows; ++row) {
    double probability = 0;
    append_csv_row(text, generator->next(probability));
    if (options.has_true_probability) {
      text += ',';
      append_number(text, probability);
    }
    text += '\n';
    if (text.size() >= kCsvBuffer) {
      if (auto written = file->write(text); !written) return written;
      text.clear();
    }
  }
  if (auto written = file->write(text); !written) return written;
  return file->commit();
}

}  // namespace tenure::data
