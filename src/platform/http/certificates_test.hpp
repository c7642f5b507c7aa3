#pragma once
// Certificates made for one test.
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace modelops::http {

struct Certificate {
  std::shared_ptr<EVP_PKEY> key;
  std::shared_ptr<X509> certificate;

  void write(const std::filesystem::path& certificate_file, const std::filesystem::path& key_file,
             const char* passphrase = nullptr) const {
    // Whole at once, as whoever renews certificates should.
    replace(certificate_file, [&](std::FILE* file) { PEM_write_X509(file, certificate.get()); });
    replace(key_file, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key.get(), passphrase == nullptr ? nullptr : EVP_aes_128_cbc(), nullptr, 0, nullptr,
                           const_cast<char*>(passphrase));
    });
  }
  template <class Write>
  static void replace(const std::filesystem::path& path, Write write) {
    const std::string next = path.string() + ".next";
    std::FILE* file = std::fopen(next.c_str(), "we");
    ASSERT_NE(file, nullptr) << next;
    write(file);
    std::fclose(file);
    std::filesystem::rename(next, path);
  }
};

/// For 127.0.0.1, valid between the two times (seconds from now); signed by `issuer`, or by itself.
inline Certificate make_certificate(const std::string& name, const Certificate* issuer = nullptr, long from_s = -3600,
                                    long until_s = 86'400) {
  static long serial = 1;
  Certificate out{{EVP_EC_gen("P-256"), EVP_PKEY_free}, {X509_new(), X509_free}};
  X509* x = out.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), from_s);
  X509_gmtime_adj(X509_getm_notAfter(x), until_s);
  X509_set_pubkey(x, out.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const Certificate& signer = issuer == nullptr ? out : *issuer;
  X509_set_issuer_name(x, X509_get_subject_name(signer.certificate.get()));
  X509V3_CTX context;
  X509V3_set_ctx(&context, signer.certificate.get(), x, nullptr, nullptr, 0);
  const auto extend = [&](int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  extend(NID_subject_alt_name, "IP:127.0.0.1");
  X509_sign(x, signer.key.get(), EVP_sha256());
  return out;
}

}  // namespace modelops::http
