#pragma once

#include <string>
#include <string_view>

namespace tenure::api::mlflow {

/// The Content-Type that MLflow's server gives a file of this name (mlflow/mlflow:
/// mlflow/utils/mime_type_utils.py): what people read as text is text/plain, so that browsers show
/// it and run none of it. Static text.
std::string_view artifact_content_type(std::string_view file_name);

/// `attachment; filename=model.pkl`, by RFC 6266; other than ASCII goes into filename*, too.
std::string attachment_disposition(std::string_view file_name);

}  // namespace tenure::api::mlflow
