# The Debian package: `make deb`. CPack asks dpkg-shlibdeps for the libraries that it depends on.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(deploy ${CMAKE_SOURCE_DIR}/deploy)
install(TARGETS modelops RUNTIME DESTINATION bin)
install(FILES ${deploy}/systemd/modelops-serve.service ${deploy}/systemd/modelops-gateway.service
  ${deploy}/systemd/modelops-agent.service DESTINATION lib/systemd/system)
install(FILES ${deploy}/modelops.yaml DESTINATION /etc/modelops)
install(FILES ${CMAKE_SOURCE_DIR}/docs/guides/operating.md ${CMAKE_SOURCE_DIR}/docs/guides/configuration.md
  DESTINATION share/doc/modelops)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/modelops RENAME copyright)
# The engine of ONNX models comes along, under its own licence; others are installed beside it.
execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/setup where OUTPUT_VARIABLE places)
string(REGEX REPLACE ".*MODELOPS_ENGINES=([^\n]*)\n.*" "\\1" engines "${places}")
file(REAL_PATH ${engines}/onnxruntime/current onnxruntime)
install(DIRECTORY ${onnxruntime}/ DESTINATION lib/modelops/engines/onnxruntime/current)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME modelops)
set(CPACK_PACKAGE_CONTACT "ModelOps developers <modelops@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Control plane for the production life of machine-learning models")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-client, python3")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deploy}/debian/postinst ${deploy}/debian/prerm ${deploy}/debian/conffiles)
include(CPack)
