/* The pictures of `ballast explain`: a contact sheet for each class. */
#ifndef BALLAST_CLI_EXPLAIN_SHEETS_H
#define BALLAST_CLI_EXPLAIN_SHEETS_H

#include "explain_input.h"

/* Writes FOLDER/NUMBER-CLASS.png for every class with images. The folder is made where it is not
 * there. Fails with BAL_MISMATCH (a kind of map that the network cannot give), BAL_BAD_ARG (a layer
 * that it does not have), BAL_IO. */
BAL_MUST_CHECK bal_status explain_sheets(cli *c, const explain_input *in, const bal_explain *e);

#endif
