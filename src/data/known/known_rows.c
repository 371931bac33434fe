/* The table of known data sets: where they are published, with which checksums, and their classes.
 * SHA-256 sums and sizes are those of TensorFlow Datasets (tensorflow_datasets/url_checksums), MD5
 * sums those of the medmnist package (medmnist/info.py), which publishes no others. */
#include "data/known/known.h"

#define CLASSES_10 10

static const char *const fashion_classes[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                              "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                              "Bag",         "Ankle boot"};
static const char *const cifar10_classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};
static const char *const path_classes[] = {"adipose",
                                           "background",
                                           "debris",
                                           "lymphocytes",
                                           "mucus",
                                           "smooth muscle",
                                           "normal colon mucosa",
                                           "cancer-associated stroma",
                                           "colorectal adenocarcinoma epithelium"};
static const char *const derma_classes[] = {"actinic keratoses and intraepithelial carcinoma",
                                            "basal cell carcinoma",
                                            "benign keratosis-like lesions",
                                            "dermatofibroma",
                                            "melanoma",
                                            "melanocytic nevi",
                                            "vascular lesions"};
static const char *const oct_classes[] = {"choroidal neovascularization", "diabetic macular edema",
                                          "drusen", "normal"};
static const char *const pneumonia_classes[] = {"normal", "pneumonia"};
static const char *const breast_classes[] = {"malignant", "normal, benign"};
static const char *const blood_classes[] = {
    "basophil",     "eosinophil",
    "erythroblast", "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
    "lymphocyte",   "monocyte",
    "neutrophil",   "platelet"};
static const char *const tissue_classes[] = {"Collecting Duct, Connecting Tubule",
                                             "Distal Convoluted Tubule",
                                             "Glomerular endothelial cells",
                                             "Interstitial endothelial cells",
                                             "Leukocytes",
                                             "Podocytes",
                                             "Proximal Tubule Segments",
                                             "Thick Ascending Limb"};
static const char *const organ_classes[] = {
    "bladder", "femur-left", "femur-right", "heart",    "kidney-left", "kidney-right",
    "liver",   "lung-left",  "lung-right",  "pancreas", "spleen"};

#define FASHION "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
#define MNIST "https://storage.googleapis.com/cvdf-datasets/mnist/"
#define CIFAR "https://www.cs.toronto.edu/~kriz/"
#define ZENODO "https://zenodo.org/records/10519652/files/"

#define CIFAR_LICENCE                                                                             \
    "no licence is stated by its authors; cite Krizhevsky, Learning Multiple Layers of Features " \
    "from Tiny Images, 2009"
#define CC_BY "CC BY 4.0"
#define CC_BY_NC "CC BY-NC 4.0 (not for commercial use)"
#define MEDMNIST_LICENCE(licence) licence "; cite Yang et al., MedMNIST v2, Scientific Data 2023"

/* A set of MedMNIST at 28 x 28 pixels. */
#define MEDMNIST(set, about, licence, md5, count, names)                                           \
    {                                                                                              \
        {set, about ", 28x28 (MedMNIST v2)",                                                       \
         "put " set ".npz of https://medmnist.com into $BALLAST_DATA", MEDMNIST_LICENCE(licence)}, \
            "npz", {set, set ".npz", "medmnist/" set ".npz"}, count, names,                        \
            {{ZENODO, set ".npz", "download=1", 0, BAL_SUM_MD5, md5}}, NULL                        \
    }

static const bal_known_row rows[] = {
    {{"fashion-mnist", "Fashion-MNIST: 60,000 + 10,000 grey images of clothes, 28x28, 10 classes",
      "install Debian's package dataset-fashion-mnist, or put the four IDX files of "
      "https://github.com/zalandoresearch/fashion-mnist into $BALLAST_DATA/fashion-mnist",
      "MIT, Zalando SE; cite Xiao et al., Fashion-MNIST, 2017"},
     "idx",
     {"fashion-mnist", "FashionMNIST/raw", "FashionMNIST"},
     CLASSES_10,
     fashion_classes,
     {{FASHION, "train-images-idx3-ubyte.gz", NULL, 26421880, BAL_SUM_SHA256,
       "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
      {FASHION, "train-labels-idx1-ubyte.gz", NULL, 29515, BAL_SUM_SHA256,
       "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
      {FASHION, "t10k-images-idx3-ubyte.gz", NULL, 4422102, BAL_SUM_SHA256,
       "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
      {FASHION, "t10k-labels-idx1-ubyte.gz", NULL, 5148, BAL_SUM_SHA256,
       "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"}},
     NULL},
    {{"mnist", "MNIST: 60,000 + 10,000 grey images of digits, 28x28, 10 classes",
      "put the four IDX files into $BALLAST_DATA/mnist",
      "CC BY-SA 3.0, Yann LeCun and Corinna Cortes, as Keras states it; cite LeCun et al., "
      "Gradient-based learning applied to document recognition, 1998"},
     "idx",
     {"mnist", "MNIST/raw", "MNIST"},
     CLASSES_10,
     NULL,
     {{MNIST, "train-images-idx3-ubyte.gz", NULL, 9912422, BAL_SUM_SHA256,
       "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
      {MNIST, "train-labels-idx1-ubyte.gz", NULL, 28881, BAL_SUM_SHA256,
       "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
      {MNIST, "t10k-images-idx3-ubyte.gz", NULL, 1648877, BAL_SUM_SHA256,
       "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
      {MNIST, "t10k-labels-idx1-ubyte.gz", NULL, 4542, BAL_SUM_SHA256,
       "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"}},
     NULL},
    {{"cifar10", "CIFAR-10: 50,000 + 10,000 colour images, 32x32, 10 classes",
      "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in "
      "$BALLAST_DATA",
      CIFAR_LICENCE},
     "cifar10",
     {"cifar10", "cifar-10-batches-bin", "cifar-10"},
     CLASSES_10,
     cifar10_classes,
     {{CIFAR, "cifar-10-binary.tar.gz", NULL, 170052171, BAL_SUM_SHA256,
       "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"}},
     "cifar-10-batches-bin"},
    {{"cifar100", "CIFAR-100: 50,000 + 10,000 colour images, 32x32, 100 classes",
      "unpack cifar-100-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html in "
      "$BALLAST_DATA",
      CIFAR_LICENCE},
     "cifar100",
     {"cifar100", "cifar-100-binary", "cifar-100"},
     100,
     NULL,
     {{CIFAR, "cifar-100-binary.tar.gz", NULL, 168513733, BAL_SUM_SHA256,
       "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"}},
     "cifar-100-binary"},
    MEDMNIST("pathmnist",
             "PathMNIST: 89,996 + 10,004 + 7,180 colour images (colorectal histology), 9 classes",
             CC_BY, "a8b06965200029087d5bd730944a56c1", 9, path_classes),
    MEDMNIST("dermamnist",
             "DermaMNIST: 7,007 + 1,003 + 2,005 colour images (pigmented skin lesions), 7 classes",
             CC_BY_NC, "0744692d530f8e62ec473284d019b0c7", 7, derma_classes),
    MEDMNIST("octmnist",
             "OCTMNIST: 97,477 + 10,832 + 1,000 grey images (optical coherence tomography of the "
             "retina), 4 classes",
             CC_BY, "c68d92d5b585d8d81f7112f81e2d0842", 4, oct_classes),
    MEDMNIST("pneumoniamnist",
             "PneumoniaMNIST: 4,708 + 524 + 624 grey images (chest X-rays of children), 2 classes",
             CC_BY, "28209eda62fecd6e6a2d98b1501bb15f", 2, pneumonia_classes),
    MEDMNIST("retinamnist",
             "RetinaMNIST: 1,080 + 120 + 400 colour images (fundus photographs, grades of "
             "retinopathy), 5 classes",
             CC_BY, "bd4c0672f1bba3e3a89f0e4e876791e4", 5, NULL),
    MEDMNIST("breastmnist",
             "BreastMNIST: 546 + 78 + 156 grey images (breast ultrasound), 2 classes", CC_BY,
             "750601b1f35ba3300ea97c75c52ff8f6", 2, breast_classes),
    MEDMNIST("bloodmnist",
             "BloodMNIST: 11,959 + 1,712 + 3,421 colour images (blood cells), 8 classes", CC_BY,
             "7053d0359d879ad8a5505303e11de1dc", 8, blood_classes),
    MEDMNIST("tissuemnist",
             "TissueMNIST: 165,466 + 23,640 + 47,280 grey images (kidney cortex cells), 8 classes",
             CC_BY, "ebe78ee8b05294063de985d821c1c34b", 8, tissue_classes),
    MEDMNIST("organamnist",
             "OrganAMNIST: 34,561 + 6,491 + 17,778 grey images (abdominal CT, axial), 11 classes",
             CC_BY, "68e3f8846a6bd62f0c9bf841c0d9eacc", 11, organ_classes),
    MEDMNIST("organcmnist",
             "OrganCMNIST: 12,975 + 2,392 + 8,216 grey images (abdominal CT, coronal), 11 classes",
             CC_BY, "b9ceb9546e10131b32923c5bbeaea2b1", 11, organ_classes),
    MEDMNIST("organsmnist",
             "OrganSMNIST: 13,932 + 2,452 + 8,827 grey images (abdominal CT, sagittal), 11 classes",
             CC_BY, "9ab87b696fb54e2a387ebe992d6ed5f1", 11, organ_classes),
};

const bal_known_row *bal_known_row_at(int i)
{
    return i >= 0 && (size_t)i < BAL_COUNT_OF(rows) ? &rows[i] : NULL;
}
