#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/assert.h"
#include "core/id.h"
#include "net/tls.h"

namespace tenure::net {

/// For tests: a folder with a self-signed certificate and its key, removed at the end.
class TestCertificate {
 public:
  explicit TestCertificate(const std::string& name = "localhost")
      : folder_(std::filesystem::temp_directory_path() / core::random_hex_id()) {
    std::filesystem::create_directories(folder_);
    write(name);
  }
  ~TestCertificate() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  TlsFiles files() const { return {folder_ / "certificate.pem", folder_ / "key.pem"}; }

  /// Replaces both files by a new pair for `name`.
  void write(const std::string& name) {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509* const x509 = certificate.get();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key.get());
    X509_NAME* const subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    TENURE_ASSERT(X509_sign(x509, key.get(), EVP_sha256()) > 0);
    // By rename, as a certificate manager does: the server never sees half a file.
    std::FILE* file = std::fopen((folder_ / "new").c_str(), "w");
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    std::filesystem::permissions(
        folder_ / "new", std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::rename(folder_ / "new", files().key);
    file = std::fopen((folder_ / "new").c_str(), "w");
    PEM_write_X509(file, x509);
    std::fclose(file);
    std::filesystem::rename(folder_ / "new", files().certificate);
  }

 private:
  std::filesystem::path folder_;
  long serial_ = 0;
};

}  // namespace tenure::net
