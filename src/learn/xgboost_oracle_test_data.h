#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <xgboost/c_api.h>

#include "core/random.h"

// libxgboost as the judge of our evaluator: for tests and benchmarks only.

namespace tenure::learn::testing {

inline void must(int status) {
  if (status != 0) throw std::runtime_error(XGBGetLastError());
}

/// Rows for an oracle: row-major floats, labels, and which features are categories.
struct OracleData {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;
  std::vector<float> labels;
  std::vector<std::uint8_t> is_category;
};

class OracleMatrix {
 public:
  explicit OracleMatrix(const OracleData& data) {
    must(XGDMatrixCreateFromMat(data.values.data(), data.rows, data.columns,
                                std::numeric_limits<float>::quiet_NaN(), &handle_));
    if (!data.labels.empty()) {
      must(XGDMatrixSetFloatInfo(handle_, "label", data.labels.data(), data.labels.size()));
    }
    std::vector<const char*> types;
    for (const std::uint8_t flag : data.is_category) types.push_back(flag != 0 ? "c" : "float");
    if (!types.empty()) {
      must(XGDMatrixSetStrFeatureInfo(handle_, "feature_type", types.data(), types.size()));
    }
  }
  ~OracleMatrix() { XGDMatrixFree(handle_); }
  OracleMatrix(const OracleMatrix&) = delete;
  OracleMatrix& operator=(const OracleMatrix&) = delete;
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

class OracleBooster {
 public:
  OracleBooster() { must(XGBoosterCreate(nullptr, 0, &handle_)); }
  explicit OracleBooster(const OracleMatrix& cached) {
    const DMatrixHandle handle = cached.handle();
    must(XGBoosterCreate(&handle, 1, &handle_));
  }
  ~OracleBooster() { XGBoosterFree(handle_); }
  OracleBooster(const OracleBooster&) = delete;
  OracleBooster& operator=(const OracleBooster&) = delete;

  void set(const std::string& name, const std::string& value) {
    must(XGBoosterSetParam(handle_, name.c_str(), value.c_str()));
  }
  void train(const std::map<std::string, std::string>& params, const OracleMatrix& data,
             int rounds) {
    set("verbosity", "0");
    set("nthread", "1");
    for (const auto& [name, value] : params) set(name, value);
    for (int round = 0; round < rounds; ++round) {
      must(XGBoosterUpdateOneIter(handle_, round, data.handle()));
    }
  }
  std::string save(const std::string& format) const {
    bst_ulong length = 0;
    const char* bytes = nullptr;
    must(XGBoosterSaveModelToBuffer(handle_, (R"({"format":")" + format + R"("})").c_str(), &length,
                                    &bytes));
    return std::string(bytes, length);
  }
  void load(const std::string& bytes) {
    must(XGBoosterLoadModelFromBuffer(handle_, bytes.data(), bytes.size()));
    set("nthread", "1");
  }
  /// `type`: 0 output, 1 margin, 6 leaf.
  std::vector<float> predict(const OracleMatrix& data, int type) const {
    const std::string config = R"({"type":)" + std::to_string(type) +
                               R"(,"training":false,"iteration_begin":0,"iteration_end":0,)" +
                               R"("strict_shape":false})";
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* result = nullptr;
    must(XGBoosterPredictFromDMatrix(handle_, data.handle(), config.c_str(), &shape, &dimensions,
                                     &result));
    std::size_t count = 1;
    for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
    return std::vector<float>(result, result + count);
  }
  BoosterHandle handle() const { return handle_; }

 private:
  BoosterHandle handle_ = nullptr;
};

/// Values from a small grid and from the whole line, some missing, some categories; labels follow
/// the features, so that trees have something to find.
inline OracleData random_data(std::uint64_t seed, std::size_t rows, std::size_t columns,
                              double missing, bool has_categories) {
  core::Random random(seed);
  OracleData data{rows, columns, {}, {}, std::vector<std::uint8_t>(columns, 0)};
  if (has_categories) data.is_category[columns - 1] = data.is_category[columns / 2] = 1;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      float value = 0;
      if (random.bernoulli(missing)) {
        value = std::numeric_limits<float>::quiet_NaN();
      } else if (data.is_category[j] != 0) {
        value = static_cast<float>(random.below(j % 2 == 0 ? 70 : 5));
      } else if (j % 3 == 0) {
        value = static_cast<float>(random.below(12)) - 3.0F;
      } else {
        value = static_cast<float>(random.normal() * 10);
      }
      data.values.push_back(value);
    }
  }
  return data;
}

}  // namespace tenure::learn::testing
