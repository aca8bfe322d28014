#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/routes.h"
#include "core/result.h"
#include "net/http_message.h"
#include "serving/predictor.h"
#include "serving/traffic.h"

namespace tenure::api {

/// A thread's holds on the live versions of all models of the server.
class LiveCache {
 public:
  serving::SnapshotCache& of(std::size_t model) {
    if (models_.size() <= model) models_.resize(model + 1);
    return models_[model];
  }
  /// The hold on a snapshot that of() gave.
  std::shared_ptr<const serving::ModelSnapshot> hold(const serving::ModelSnapshot* snapshot) const {
    for (const serving::SnapshotCache& model : models_)
      if (model.shared().get() == snapshot) return model.shared();
    return nullptr;
  }
  /// A version that is not the model's champion.
  std::shared_ptr<const serving::ModelSnapshot> named;

 private:
  std::vector<serving::SnapshotCache> models_;  ///< the main one, then the others
};

/// The model that a request is for, as it is live. Valid until the cache's next use.
struct LiveModel {
  serving::Predictor* predictor = nullptr;
  const serving::ModelWatcher* watcher = nullptr;
  InferenceStatistics* statistics = nullptr;
  serving::Traffic* traffic = nullptr;  ///< set when several versions share its requests
  /// The version that reads the request; null when none is live.
  const serving::ModelSnapshot* snapshot = nullptr;
  std::shared_ptr<const serving::ModelSnapshot> shared;  ///< of find_model_held() only

  const serving::ModelSnapshot& operator*() const { return *snapshot; }
  const serving::ModelSnapshot* operator->() const { return snapshot; }

  /// As Predictor::predict; each row by the version it falls to.
  void predict(std::span<const serving::PredictRow> rows, serving::Traffic::Scratch& scratch,
               std::span<serving::Prediction> out, serving::PredictOptions options = {}) const;
};

/// All models of the server, the main one first.
std::vector<ServedModel> all_models(const Services& services);

/// The model that requests without a name are for; its snapshot may be null.
LiveModel main_model(const Services& services, LiveCache& cache);

/// The live model that a path names. `name` and `version` are path segments as sent; an empty
/// version means what is live, arms included; one of an arm or of the champion is answered by that
/// alone. Errors: kNotFound for another name or version; kUnavailable before the first version is
/// live.
core::Result<LiveModel> find_model(const Services& services, LiveCache& cache,
                                   std::string_view name, std::string_view version);

/// The same, held by the result.
core::Result<LiveModel> find_model_held(const Services& services, std::string_view name,
                                        std::string_view version);

/// The model of ?model=, else the main one, whose snapshot may be null. Errors: as find_model.
core::Result<LiveModel> asked_model(const Services& services, LiveCache& cache,
                                    const net::Request& request);

/// X-Model-Version and X-Variant, when the rows have a variant, and all the same one.
void add_variant_headers(std::span<const serving::Prediction> predictions, net::Response& response);

/// Appends ,"model_versions":[…],"variants":[…] where the rows have variants: for protocols whose
/// predictions are bare numbers.
void append_variants(std::string& out, std::span<const serving::Prediction> predictions);

}  // namespace tenure::api
