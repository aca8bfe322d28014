#include "learn/xgboost_trainer.h"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include "core/log.h"

namespace tenure::learn {
namespace {

/// XGBoost's log callback has no argument for a context, and it is registered per thread; so what a
/// booster says of its parameters is gathered per thread too.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
thread_local std::string unused_parameters;

void take_log_line(const char* text) {
  std::string_view line(text);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  // "Parameters: { "rate_drop" } are not used."; later versions say "might not be used".
  if (const auto unused = line.find("Parameters: {"); unused != std::string_view::npos) {
    unused_parameters = line.substr(unused, line.find('\n', unused) - unused);
    return;
  }
  const bool is_warning = line.find("WARNING") != std::string_view::npos;
  core::log(is_warning ? core::LogLevel::kWarn : core::LogLevel::kDebug, "xgboost", line);
}

/// "[10:31:02] ../src/x.cc:7: Check failed: ... \nStack trace: ..." without time, place and stack.
std::string reason_of(std::string_view text) {
  text = text.substr(0, text.find("Stack trace"));
  if (text.starts_with('[')) {
    const auto time_end = text.find("] ");
    if (time_end != std::string_view::npos) text.remove_prefix(time_end + 2);
    // "<file>:<line>: "
    const auto colon = text.find(':');
    const auto place_end = colon == std::string_view::npos ? colon : text.find(": ", colon + 1);
    if (place_end != std::string_view::npos && text.find_first_of(" \n") > place_end)
      text.remove_prefix(place_end + 2);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::string reason(text);
  for (char& c : reason)
    if (c == '\n') c = ' ';
  return reason;
}

core::Error xgboost_error(core::ErrorCode code, std::string_view doing) {
  return core::Error{code, fmt::format("XGBoost, {}: {}", doing, reason_of(XGBGetLastError()))};
}

/// A borrowed array as the JSON of NumPy's array interface, which all versions from 1.6 on read.
std::string array_interface(const void* data, const char* type, std::size_t rows,
                            std::size_t columns) {
  const std::string shape =
      columns == 0 ? fmt::format("{}", rows) : fmt::format("{}, {}", rows, columns);
  return fmt::format(R"({{"data": [{}, true], "shape": [{}], "typestr": "{}", "version": 3}})",
                     reinterpret_cast<std::uintptr_t>(data), shape, type);
}

void free_matrix(void* handle) {
  XGDMatrixFree(handle);
}
void free_booster(void* handle) {
  XGBoosterFree(handle);
}

/// The number behind the last colon of "[7]\tvalidation-logloss:0.4123".
core::Result<double> parse_evaluation(std::string_view text) {
  const auto colon = text.rfind(':');
  double value = 0;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc())
      return value;
  }
  return core::Error{core::ErrorCode::kInternal,
                     fmt::format("XGBoost's evaluation line could not be read: '{}'", text)};
}

core::Result<> set_parameters(void* booster, const BoostingPlan& plan) {
  std::map<std::string, std::string> params = plan.params;
  params.emplace("objective", "binary:logistic");
  const auto kind = params.find("booster");
  if (kind == params.end() || kind->second != "gblinear") params.emplace("tree_method", "hist");
  params["eval_metric"] = "logloss";
  params["nthread"] = fmt::format("{}", plan.threads);
  // XGBoost reads a signed number.
  params["seed"] = fmt::format("{}", plan.seed & 0x7FFFFFFF);
  params["validate_parameters"] = "1";
  params["verbosity"] = "1";
  for (const auto& [name, value] : params)
    if (XGBoosterSetParam(booster, name.c_str(), value.c_str()) != 0)
      return xgboost_error(core::ErrorCode::kInvalidArgument,
                           fmt::format("setting {} to '{}'", name, value));
  return {};
}

}  // namespace

core::Result<XgboostMatrix> XgboostMatrix::make(const Matrix& matrix,
                                                std::span<const std::uint8_t> labels, int threads) {
  if (!labels.empty() && labels.size() != matrix.rows)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("{} labels, but {} rows", labels.size(), matrix.rows)};
  if (matrix.rows == 0 || matrix.columns == 0)
    return core::Error{core::ErrorCode::kInvalidArgument, "a matrix without rows or columns"};
  XGBRegisterLogCallback(take_log_line);
  const std::string data =
      array_interface(matrix.values.data(), "<f4", matrix.rows, matrix.columns);
  const std::string config = fmt::format(R"({{"missing": NaN, "nthread": {}}})", threads);
  void* raw = nullptr;
  if (XGDMatrixCreateFromDense(data.c_str(), config.c_str(), &raw) != 0)
    return xgboost_error(core::ErrorCode::kInternal, "taking a matrix");
  XgboostMatrix result(Handle(raw, free_matrix), matrix.rows);
  if (!labels.empty()) {
    const std::vector<float> values(labels.begin(), labels.end());
    const std::string interface = array_interface(values.data(), "<f4", values.size(), 0);
    if (XGDMatrixSetInfoFromInterface(raw, "label", interface.c_str()) != 0)
      return xgboost_error(core::ErrorCode::kInternal, "taking labels");
  }
  return result;
}

core::Result<XgboostBooster> XgboostBooster::train(const BoostingPlan& plan,
                                                   const XgboostMatrix& training,
                                                   const XgboostMatrix* validation,
                                                   const RoundObserver& observer) {
  if (plan.rounds < 1)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("boosting wants at least one round, not {}", plan.rounds)};
  if (plan.evaluation_interval < 1)
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("an evaluation wants an interval of at least one round, not {}",
                                   plan.evaluation_interval)};
  XGBRegisterLogCallback(take_log_line);
  unused_parameters.clear();
  void* known[] = {training.handle_.get(), validation ? validation->handle_.get() : nullptr};
  void* raw = nullptr;
  if (XGBoosterCreate(known, validation ? 2 : 1, &raw) != 0)
    return xgboost_error(core::ErrorCode::kInternal, "making a booster");
  XgboostBooster booster(Handle(raw, free_booster), 0);
  auto set = set_parameters(raw, plan);
  if (!set) return std::move(set).error();

  booster.log_loss_ = std::numeric_limits<double>::quiet_NaN();
  void* watched[] = {validation ? validation->handle_.get() : nullptr};
  const char* names[] = {"validation"};
  double loss = std::numeric_limits<double>::quiet_NaN();
  for (int round = 0; round < plan.rounds; ++round) {
    // Parameters are read for the first time here, so a wrong value shows here.
    if (XGBoosterUpdateOneIter(raw, round, training.handle_.get()) != 0)
      return xgboost_error(
          round == 0 ? core::ErrorCode::kInvalidArgument : core::ErrorCode::kInternal, "boosting");
    if (!unused_parameters.empty())
      return core::Error{
          core::ErrorCode::kInvalidArgument,
          fmt::format("model.params: {} (XGBoost {})", unused_parameters, xgboost_version())};
    booster.trained_ = round + 1;
    const bool is_judged = validation != nullptr && ((round + 1) % plan.evaluation_interval == 0 ||
                                                     round + 1 == plan.rounds);
    if (is_judged) {
      const char* line = nullptr;
      if (XGBoosterEvalOneIter(raw, round, watched, names, 1, &line) != 0)
        return xgboost_error(core::ErrorCode::kInternal, "evaluating");
      auto parsed = parse_evaluation(line);
      if (!parsed) return std::move(parsed).error();
      loss = *parsed;
    }
    // Until the first judgement the latest round is the best known.
    const bool is_best = plan.early_stopping_rounds == 0 || std::isnan(booster.log_loss_) ||
                         (is_judged && loss < booster.log_loss_);
    if (is_best) {
      booster.rounds_ = round + 1;
      booster.log_loss_ = loss;
    }
    if (observer && !observer(round + 1, loss))
      return core::Error{core::ErrorCode::kCancelled, "training was cancelled"};
    if (!is_best && round + 1 - booster.rounds_ >= plan.early_stopping_rounds) break;
  }
  return booster;
}

core::Result<std::vector<float>> XgboostBooster::predict(const XgboostMatrix& matrix) const {
  XGBRegisterLogCallback(take_log_line);
  const std::string config =
      fmt::format(R"({{"type": 0, "training": false, "iteration_begin": 0, "iteration_end": {}, )"
                  R"("strict_shape": true}})",
                  rounds_);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  if (XGBoosterPredictFromDMatrix(handle_.get(), matrix.handle_.get(), config.c_str(), &shape,
                                  &dimensions, &values) != 0)
    return xgboost_error(core::ErrorCode::kInternal, "predicting");
  return std::vector<float>(values, values + matrix.rows_);
}

core::Result<std::string> XgboostBooster::to_ubj(std::span<const std::string> feature_names) const {
  XGBRegisterLogCallback(take_log_line);
  void* saved = handle_.get();
  Handle slice(nullptr, free_booster);
  if (rounds_ < trained_) {
    void* raw = nullptr;
    if (XGBoosterSlice(saved, 0, rounds_, 1, &raw) != 0)
      return xgboost_error(core::ErrorCode::kInternal, "cutting after the best round");
    slice.reset(raw);
    saved = raw;
  }
  std::vector<const char*> names;
  for (const std::string& name : feature_names) names.push_back(name.c_str());
  if (XGBoosterSetStrFeatureInfo(saved, "feature_name", names.data(), names.size()) != 0)
    return xgboost_error(core::ErrorCode::kInternal, "naming features");
  bst_ulong size = 0;
  const char* bytes = nullptr;
  if (XGBoosterSaveModelToBuffer(saved, R"({"format": "ubj"})", &size, &bytes) != 0)
    return xgboost_error(core::ErrorCode::kInternal, "saving the model");
  return std::string(bytes, size);
}

std::string xgboost_version() {
  int major = 0, minor = 0, patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace tenure::learn
