// The floor of bench/run: the same training as `tenure run`, with nothing around it. Reads a matrix
// that was prepared beforehand, trains one booster a fold and one on all training rows through
// XGBoost's C API, and prints seconds and AUC as one JSON object.
//
//   bench_bare_xgboost MATRIX.csv ROUNDS [PARAMETER=VALUE ...]
//
// MATRIX.csv: a header line, then `fold,label,feature...` as numbers. Fold -1 is the test set, 0,
// 1,
// ... are the folds of the cross-validation. Reading the file is not timed; making XGBoost's
// matrices is.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xgboost/c_api.h>

namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Data {
  std::size_t columns = 0;
  std::vector<int> folds;
  std::vector<float> labels;
  std::vector<float> values;  // row-major
};

void check(int status) {
  if (status != 0) throw std::runtime_error(XGBGetLastError());
}

double parse_number(std::string_view text, std::size_t line) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error(fmt::format("line {}: '{}' is no number", line, text));
  }
  return value;
}

std::vector<double> parse_line(std::string_view line, std::size_t number) {
  std::vector<double> values;
  while (true) {
    const auto comma = line.find(',');
    values.push_back(parse_number(line.substr(0, comma), number));
    if (comma == std::string_view::npos) return values;
    line.remove_prefix(comma + 1);
  }
}

Data read_data(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("{}: cannot be opened", path));
  Data data;
  std::string line;
  std::getline(file, line);
  data.columns = static_cast<std::size_t>(std::count(line.begin(), line.end(), ',')) - 1;
  for (std::size_t number = 2; std::getline(file, line); ++number) {
    const auto values = parse_line(line, number);
    if (values.size() != data.columns + 2) {
      throw std::runtime_error(fmt::format("{}:{}: {} values, the header has {}", path, number,
                                           values.size(), data.columns + 2));
    }
    data.folds.push_back(static_cast<int>(values[0]));
    data.labels.push_back(static_cast<float>(values[1]));
    for (std::size_t i = 2; i < values.size(); ++i) {
      data.values.push_back(static_cast<float>(values[i]));
    }
  }
  if (data.folds.empty()) throw std::runtime_error(fmt::format("{}: no rows", path));
  return data;
}

// A DMatrix of some rows, freed with it.
class Rows {
 public:
  Rows(const Data& data, const std::vector<std::size_t>& rows) {
    std::vector<float> values;
    values.reserve(rows.size() * data.columns);
    for (const auto row : rows) {
      const auto* first = data.values.data() + row * data.columns;
      values.insert(values.end(), first, first + data.columns);
      labels_.push_back(data.labels[row]);
    }
    check(XGDMatrixCreateFromMat(values.data(), rows.size(), data.columns,
                                 std::numeric_limits<float>::quiet_NaN(), &handle_));
    check(XGDMatrixSetFloatInfo(handle_, "label", labels_.data(), labels_.size()));
  }
  ~Rows() { XGDMatrixFree(handle_); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  DMatrixHandle handle() const { return handle_; }
  const std::vector<float>& labels() const { return labels_; }

 private:
  DMatrixHandle handle_ = nullptr;
  std::vector<float> labels_;
};

// Area under the ROC curve by ranks; ties share their mean rank.
double roc_auc(const std::vector<float>& labels, const std::vector<float>& scores) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  double rank_sum = 0;
  double positives = 0;
  for (std::size_t i = 0; i < order.size();) {
    std::size_t end = i;
    while (end < order.size() && scores[order[end]] == scores[order[i]]) ++end;
    const double rank = static_cast<double>(i + 1 + end) / 2;
    for (; i < end; ++i) {
      if (labels[order[i]] > 0) {
        rank_sum += rank;
        ++positives;
      }
    }
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

double train_and_score(const Rows& train, const Rows& test, int rounds,
                       const Parameters& parameters) {
  const DMatrixHandle cache[] = {train.handle()};
  BoosterHandle booster = nullptr;
  check(XGBoosterCreate(cache, 1, &booster));
  for (const auto& [name, value] : parameters) {
    check(XGBoosterSetParam(booster, name.c_str(), value.c_str()));
  }
  for (int round = 0; round < rounds; ++round) {
    check(XGBoosterUpdateOneIter(booster, round, train.handle()));
  }
  bst_ulong length = 0;
  const float* scores = nullptr;
  check(XGBoosterPredict(booster, test.handle(), 0, 0, 0, &length, &scores));
  const double auc = roc_auc(test.labels(), std::vector<float>(scores, scores + length));
  check(XGBoosterFree(booster));
  return auc;
}

std::vector<std::size_t> rows_where(const Data& data, auto&& condition) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < data.folds.size(); ++i) {
    if (condition(data.folds[i])) rows.push_back(i);
  }
  return rows;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const std::string& path, int rounds, const Parameters& parameters) {
  const Data data = read_data(path);
  const int folds = *std::max_element(data.folds.begin(), data.folds.end()) + 1;

  const auto start = std::chrono::steady_clock::now();
  std::vector<double> aucs;
  for (int fold = 0; fold < folds; ++fold) {
    const Rows train(data, rows_where(data, [&](int f) { return f >= 0 && f != fold; }));
    const Rows valid(data, rows_where(data, [&](int f) { return f == fold; }));
    aucs.push_back(train_and_score(train, valid, rounds, parameters));
  }
  const double cross_validation = seconds_since(start);
  const Rows train(data, rows_where(data, [](int f) { return f >= 0; }));
  const Rows test(data, rows_where(data, [](int f) { return f < 0; }));
  const double test_auc = train_and_score(train, test, rounds, parameters);
  const double total = seconds_since(start);

  int major = 0, minor = 0, patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  const double mean =
      std::accumulate(aucs.begin(), aucs.end(), 0.0) / static_cast<double>(aucs.size());
  fmt::print(
      "{{\"seconds\": {{\"cross_validation\": {:.6f}, \"fit\": {:.6f}, \"total\": {:.6f}}}, "
      "\"cv_auc\": [{:.6f}], \"cv_auc_mean\": {:.6f}, \"test_auc\": {:.6f}, \"rows\": {}, "
      "\"columns\": {}, \"xgboost\": \"{}.{}.{}\"}}\n",
      cross_validation, total - cross_validation, total, fmt::join(aucs, ", "), mean, test_auc,
      data.folds.size(), data.columns, major, minor, patch);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) {
      fmt::print(stderr, "usage: {} MATRIX.csv ROUNDS [PARAMETER=VALUE ...]\n", argv[0]);
      return 2;
    }
    Parameters parameters;
    for (int i = 3; i < argc; ++i) {
      const std::string_view text = argv[i];
      const auto equals = text.find('=');
      if (equals == std::string_view::npos) {
        fmt::print(stderr, "'{}': expected PARAMETER=VALUE\n", text);
        return 2;
      }
      parameters.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    run(argv[1], std::stoi(argv[2]), parameters);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_bare_xgboost: {}\n", error.what());
    return 1;
  }
}
