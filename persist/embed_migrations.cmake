# cmake -DFOLDER=... -DOUTPUT=... -P embed_migrations.cmake: the files of migrations/ as bytes in a C source, so that
# the one binary can bring any database up to itself.
file(GLOB files RELATIVE "${FOLDER}" "${FOLDER}/*.sql")
list(SORT files)
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS files)
    file(READ "${FOLDER}/${file}" hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND arrays "static const uint8_t s_bytes_${index}[] = {\n    ${hex}\n};\n")
    string(APPEND rows "    {\"${file}\", s_bytes_${index}, sizeof s_bytes_${index}},\n")
    math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}.new" "/* Made from migrations/ by embed_migrations.cmake. */
#include \"persist/migrator.h\"

${arrays}
const struct migration MIGRATIONS[] = {
${rows}};
const size_t MIGRATION_COUNT = ${index};
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
